//! What the light client verifies.

use anyhow::{Context as _, Result, ensure};
use codec::Encode as _;
use phala_light_client::{
    FinalityProof, LightClient,
    log::fold,
    testing::{TestChain, TestLog, validators},
};
use phala_primitives::{ClusterId, LogHead, storage_key};

use crate::report::{Row, Sample, Target, seconds};

const ROUNDS: usize = 9;
const MESSAGES: usize = 50_000;
const PAYLOAD: usize = 64;
const HAND_OFFS: usize = 500;

fn folding() -> Result<Sample> {
    let cluster = ClusterId(0);
    let mut log = TestLog::new(&[0; 32], cluster);
    (0..MESSAGES).for_each(|_| log.command(vec![0xab; PAYLOAD]));
    let mut chain = TestChain::new(validators(0, 4));
    let key = storage_key::log_head(cluster);
    chain.state().insert(key.clone(), log.head().encode());
    chain.blocks(1);
    let mut client = LightClient::new(chain.config())?;
    client.advance(&FinalityProof::V1(vec![chain.finalize()]))?;
    let head = client.open(&chain.state().prove(&[&key]), &[&key])?.require::<LogHead>(&key)?;
    let from = log.head_at(0);
    ensure!(fold(&head, &from, log.bodies())?.len() == MESSAGES);
    Sample::of(
        ROUNDS,
        || Ok(MESSAGES as f64 / seconds(|| drop(std::hint::black_box(fold(&head, &from, log.bodies()))))),
    )
}

fn hand_offs() -> Result<Sample> {
    let mut chain = TestChain::new(validators(0, 4));
    let mut steps: Vec<_> = (1..=HAND_OFFS as u64).map(|seed| chain.hand_over(validators(seed, 4))).collect();
    chain.blocks(1);
    steps.push(chain.finalize());
    let start = LightClient::new(chain.config())?;
    let proof = FinalityProof::V1(steps);
    let mut checked = start.clone();
    ensure!(checked.advance(&proof).context("hand-offs")?.number() as usize == HAND_OFFS + 1);
    Sample::of(ROUNDS, || {
        let mut client = start.clone();
        Ok(HAND_OFFS as f64 / seconds(|| assert!(client.advance(&proof).is_ok())))
    })
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    Ok(vec![
        Row::new("log folding, commands with payloads of 64 bytes", "messages/s", folding()?)
            .target(Target::AtLeast(200_000.0)),
        Row::new("authority hand-offs verified, four validators", "hand-offs/s", hand_offs()?)
            .target(Target::AtLeast(500.0)),
    ])
}
