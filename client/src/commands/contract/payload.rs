//! What a contract is given, as it travels: sealed to the contract, or readable by all.

use phala_client::{Because as _, Failure, Fault, Node, Result};
use phala_crypto::{CommandContext, seal_command};
use phala_extrinsics::Network;
use phala_primitives::{AccountId, ContractId, Payload, message::PayloadBytes, report::CommandKey, storage_key};
use rand_core::OsRng;

use super::terms::Terms;

/// What sealing adds, in bytes.
const TAG: usize = 16;

/// Readable by all, if the cluster takes it.
pub fn plain(terms: &Terms, input: Vec<u8>) -> Result<Payload> {
    terms.take_payload(input.len())?;
    let bytes = PayloadBytes::try_from(input);
    Ok(Payload::Plain(bytes.map_err(|_| Fault::OverLimit.because("the arguments are longer than any cluster takes"))?))
}

/// Sealed to a contract: its workers alone can read it, and only as this account's.
pub async fn sealed(
    node: &Node,
    network: &Network,
    terms: &Terms,
    (contract, sender): (ContractId, AccountId),
    input: &[u8],
) -> Result<Payload> {
    terms.take_payload(input.len().saturating_add(TAG))?;
    let key: Option<CommandKey> = node.get(storage_key::command_key(contract)).await?;
    let key = key.ok_or_else(|| {
        Fault::NotYet.because("the contract has no key to seal to yet: its constructor has not been reported")
    })?;
    if key.epoch != terms.entry.epoch {
        return Err(Fault::NotYet
            .because("the cluster is drawing new keys: the contract has none to seal to until its next report"));
    }
    let context =
        CommandContext { genesis: network.genesis(), cluster: terms.cluster, contract, sender, epoch: key.epoch };
    Ok(Payload::Sealed(seal_command(&key.kem, &context, input, &mut OsRng).map_err(Failure::user)?))
}
