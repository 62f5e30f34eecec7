//! A message of a cluster's log, from its transaction to its receipt.

use std::time::Duration;

use clap::Args;
use codec::Encode as _;
use phala_client::{Asker, Because as _, Failure, Fault, Node, Result, ask::decode};
use phala_crypto::{Purpose, commit};
use phala_extrinsics::{Call, Chain, Included, Network, Signer};
use phala_primitives::{
    ClusterId, ContractId, Hash256,
    query::{AnswerOutcome, Ask, ReceiptView},
    report::{Reported, Status},
    storage_key,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::shown;

const PAUSE: Duration = Duration::from_millis(400);

/// For how long a command waits.
#[derive(Args, Clone, Copy)]
pub struct Patience {
    /// Seconds to wait for finality and for the cluster's report. What is in the log stays there: `phala contract receipt` asks later.
    #[arg(long = "timeout", value_name = "SECONDS", default_value_t = 120)]
    seconds: u64,
}

impl Patience {
    /// From now on.
    pub fn begin(self) -> Deadline {
        let longest = Duration::from_secs(u64::from(u32::MAX));
        Deadline { seconds: self.seconds, at: Instant::now() + Duration::from_secs(self.seconds).min(longest) }
    }
}

/// When a command gives up.
#[derive(Clone, Copy)]
pub struct Deadline {
    seconds: u64,
    at: Instant,
}

impl Deadline {
    /// The seconds that there were.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Waits a moment, and says whether there is time left.
    pub async fn pause(&self) -> bool {
        tokio::time::sleep(PAUSE).await;
        Instant::now() < self.at
    }

    /// What comes of a transaction, if it comes in time.
    pub async fn hold<T>(&self, call: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout_at(self.at, work).await.unwrap_or_else(|_| {
            Err(Fault::NotFinal.because(format!(
                "{call} is not in the chain after {} s (--timeout). The chain may be at a standstill, and the transaction may still take \
                 effect: look before you send it again",
                self.seconds
            )))
        })
    }
}

/// A message that is in the log for good.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// In whose log.
    pub cluster: ClusterId,
    /// Where.
    pub index: u64,
    /// The contract that it concerns.
    pub contract: Option<ContractId>,
}

impl Sent {
    /// The message that a transaction has appended.
    pub fn by(included: &Included) -> Result<Self> {
        type Fields = (ClusterId, u64, Hash256, Option<ContractId>);
        let (cluster, index, _, contract) = included.find::<Fields>("Phat", "Message").ok_or_else(|| {
            Fault::NodeUntrue.because("the node does not show the message that the transaction has appended")
        })?;
        Ok(Self { cluster, index, contract })
    }
}

/// Submits a call and waits for finality.
pub async fn submit(chain: &Chain, signer: &Signer, call: &Call, deadline: &Deadline) -> Result<Included> {
    let work = async { Ok::<_, Failure>(chain.submit(signer, call).await?.finalized().await?) };
    deadline.hold(&call.name(), work).await
}

/// Up to which message, exclusive, a cluster has reported.
pub async fn reported(node: &Node, cluster: ClusterId) -> Result<u64> {
    let reported: Option<Reported> = node.get(storage_key::reported(cluster)).await?;
    Ok(reported.map_or(0, |reported| reported.latest().boundary.index))
}

/// Waits for the report that speaks of a message.
pub async fn settled(node: &mut Node, sent: &Sent, deadline: &Deadline) -> Result<()> {
    loop {
        node.sync().await?;
        let done = reported(node, sent.cluster).await?;
        if done > sent.index {
            return Ok(());
        }
        if Instant::now() >= deadline.at {
            return Err(late(sent, done, deadline.seconds));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn late(sent: &Sent, reported: u64, seconds: u64) -> Failure {
    let Sent { cluster, index, .. } = sent;
    Fault::NoReceipt.because(format!(
        "message {index} of cluster {cluster} has no receipt after {seconds} s (--timeout); the cluster has reported {reported} messages. \
         It is in the log and will be executed: do not send it again. Ask later: `phala contract receipt {cluster} {index}`. If no worker \
         comes, its gas returns after the cluster's time-out: `phala contract refund {cluster} {index}`"
    ))
}

/// The receipt of a message, as this account may see it, with its output checked against its commitment.
pub async fn receipt(asker: &mut Asker, node: &mut Node, network: &Network, index: u64) -> Result<ReceiptView> {
    let checked = asker.ask(node, network, Ask::Receipt { index }).await?;
    let view: ReceiptView = match &checked.answer().outcome {
        AnswerOutcome::Output(bytes) => decode(bytes)?,
        _ => {
            return Err(Fault::NoReceipt.because(format!(
                "worker {} has no receipt of message {index} for this account: whoever sent a sealed message sees its receipt, and workers \
                 keep those of recent commands, upgrades and constructors",
                asker.worker()
            )));
        }
    };
    let opened = commit(&network.genesis(), &view.output_blinding, Purpose::Output, &view.outcome.encode());
    if view.receipt.index != index || view.receipt.output != opened {
        return Err(Fault::AnswerUntrue.because("the worker's output is not the one that the receipt commits to"));
    }
    Ok(view)
}

/// A receipt, for people and for programs.
pub fn described(view: &ReceiptView) -> Value {
    let receipt = &view.receipt;
    let mut described =
        json!({ "message": receipt.index, "status": receipt.status, "gasUsed": receipt.gas_used, "output": null });
    match &view.outcome {
        AnswerOutcome::Output(output) if receipt.status.is_success() => described["output"] = shown(output),
        _ => described["error"] = reason(view).into(),
    }
    described
}

/// A message had no effect: whether the contract has said no, or was stopped.
pub fn no_effect(view: &ReceiptView, text: impl ToString) -> Failure {
    let refused = view.receipt.status == Status::Refused;
    if refused { Fault::ContractRefused.because(text) } else { Fault::ContractStopped.because(text) }
}

/// Why a message had no effect.
pub fn reason(view: &ReceiptView) -> String {
    match &view.outcome {
        AnswerOutcome::Refused { code, message, .. } => format!("the contract refused: {message} (code {code})"),
        AnswerOutcome::Stopped(why) | AnswerOutcome::NotFound(why) => format!("{:?}: {why}", view.receipt.status),
        AnswerOutcome::Output(_) => format!("{:?}", view.receipt.status),
    }
}

#[cfg(test)]
mod tests {
    use phala_client::Class;
    use phala_primitives::Receipt;

    use super::*;

    fn view(status: Status, outcome: AnswerOutcome) -> ReceiptView {
        let receipt = Receipt { index: 9, status, gas_used: 5, output: [0; 32], events: [0; 32] };
        ReceiptView { receipt, outcome, output_blinding: [0; 32] }
    }

    #[test]
    fn a_report_that_does_not_come_is_waited_for_later() {
        let failure = late(&Sent { cluster: ClusterId(3), index: 9, contract: None }, 7, 120);
        assert_eq!((failure.class, failure.code), (Class::Retry, Fault::NoReceipt.code()));
        for part in
            ["message 9", "120 s", "phala contract receipt 3 9", "phala contract refund 3 9", "do not send it again"]
        {
            assert!(failure.message.contains(part), "{failure}");
        }
    }

    #[test]
    fn receipts_show_the_output_or_why_there_is_none() {
        let success = described(&view(Status::Success, AnswerOutcome::Output(b"[1]".to_vec())));
        assert_eq!(success, json!({ "message": 9, "status": "success", "gasUsed": 5, "output": [1] }));
        let refused = AnswerOutcome::Refused { code: 4, message: "no".into(), data: Vec::new() };
        let refused = described(&view(Status::Refused, refused));
        assert_eq!(refused["error"], "the contract refused: no (code 4)");
        assert_eq!(
            no_effect(&view(Status::Refused, AnswerOutcome::Stopped(String::new())), "why").code,
            Fault::ContractRefused.code()
        );
        assert_eq!(
            no_effect(&view(Status::OutOfGas, AnswerOutcome::Stopped(String::new())), "why").code,
            Fault::ContractStopped.code()
        );
        let stopped = described(&view(Status::OutOfGas, AnswerOutcome::Stopped("all gas is used".into())));
        assert_eq!((&stopped["output"], &stopped["error"]), (&Value::Null, &json!("OutOfGas: all gas is used")));
    }
}
