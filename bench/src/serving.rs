//! Queries over HTTP as clients send them, against the same worker's plain `GET /health`, and against workerd.
//!
//! Each connection has a session of its own, opened under a certificate of an account. Requests are sealed and signed before the
//! time starts to run. Of the answers every hundredth is opened: signed by the boot that the chain has admitted, and in all but
//! its block equal to one that was checked against the chain.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use phala_client::{Asker, Node, ask::Sealed};
use phala_e2e::Devnet;
use phala_extrinsics::{Network, Signer};
use phala_primitives::{
    Assurance, ClusterId, ContractId, Hash256,
    query::{AnswerOutcome, AnswerV1, Ask},
};
use serde_json::json;

use crate::{
    load::{Answered, KEPT, Load},
    report::{Row, Sample, Target},
    workerd::Workerd,
};

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 8;
/// Queries of a connection in a round.
const QUERIES: usize = 2_000;
/// Plain requests of a connection in a round.
const GETS: usize = 5_000;
/// What the counter stands at.
const VALUE: u64 = 41;

/// Clients of a contract on a devnet.
struct Clients {
    askers: Vec<Asker>,
    genesis: Hash256,
    ask: Ask,
    /// An answer that was checked against the chain.
    expected: AnswerV1,
    worker: String,
}

impl Clients {
    async fn open(devnet: &Devnet, contract: ContractId) -> Result<Self> {
        let network = Network::read(&devnet.net().join("network.json"))?;
        let mut node = Node::connect(&devnet.node_url(), &network).await?;
        let alice = Signer::from_uri("//Alice")?;
        let input = json!({ "method": "value", "args": {} }).to_string().into_bytes();
        let ask = Ask::Contract { contract, input: input.try_into().map_err(|_| anyhow!("a long input"))? };

        let mut first = Asker::open(&mut node, ClusterId(0), None, Some(&alice)).await?;
        let expected = first.ask(&mut node, &network, ask.clone()).await?.answer().clone();
        ensure!(expected.outcome == AnswerOutcome::Output(VALUE.to_string().into_bytes()), "{expected:?}");
        ensure!(expected.assurance == Assurance::Software, "{expected:?}");

        let mut askers = Vec::new();
        for _ in 0..CONNECTIONS {
            askers.push(Asker::open(&mut node, ClusterId(0), Some(expected.worker), Some(&alice)).await?);
        }
        let worker = format!("127.0.0.1:{}", devnet.worker_port());
        Ok(Self { askers, genesis: network.genesis(), ask, expected, worker })
    }

    /// Queries that are answered in a second.
    fn queries(&mut self) -> Result<f64> {
        let Self { askers, genesis, ask, .. } = self;
        let seal =
            |asker: &mut Asker| -> Vec<Sealed> { (0..QUERIES).map(|_| asker.seal(genesis, ask.clone())).collect() };
        let sealed: Vec<_> = askers.iter_mut().map(seal).collect();
        let bodies = sealed.iter().map(|all| all.iter().map(|sealed| sealed.body.clone()).collect()).collect();
        let load = Load { server: self.worker.clone(), path: "/v1/query".into(), bodies };
        let answered = load.put()?;
        for ((asker, sealed), kept) in self.askers.iter().zip(&sealed).zip(&answered.kept) {
            ensure!(kept.len() == sealed.len().div_ceil(KEPT), "{} answers were kept", kept.len());
            for (sealed, body) in sealed.iter().step_by(KEPT).zip(kept) {
                let signed = asker.opened(&self.genesis, &sealed.question, body)?;
                let answer = signed.answer.latest();
                let (request, block, block_hash) = (answer.request, answer.block, answer.block_hash);
                let expected = AnswerV1 { request, block, block_hash, ..self.expected.clone() };
                ensure!(*answer == expected, "{answer:?} is not {expected:?}");
            }
        }
        Ok(per_second(&load, &answered))
    }
}

fn per_second(load: &Load, answered: &Answered) -> f64 {
    load.requests() as f64 / answered.seconds()
}

/// Plain requests that are answered in a second.
fn gets(server: &str, path: &str) -> Result<f64> {
    let load = Load::gets(server.into(), path, CONNECTIONS, GETS);
    Ok(per_second(&load, &load.put()?))
}

/// Builds the counter and makes a contract of it.
fn deploy(devnet: &Devnet) -> Result<ContractId> {
    let project = crate::root().join("contract/examples/counter").display().to_string();
    let folder = Path::new("/");
    let built = devnet.json(folder, &["contract", "build", &project])?;
    let file = built["file"].as_str().context("a component")?;
    let init = json!({ "owner": "//Alice", "start": VALUE }).to_string();
    let deployed = devnet.json(folder, &["contract", "deploy", file, "--init", &init])?;
    Ok(serde_json::from_value(deployed["contract"].clone())?)
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let devnet = Devnet::new()?;
    devnet.up()?;
    let contract = deploy(&devnet)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut clients = runtime.block_on(Clients::open(&devnet, contract))?;
    let workerd = Workerd::start().inspect_err(|error| eprintln!("without a row about workerd: {error:#}")).ok();

    let (mut health, mut queries, mut hellos) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let measured = (
            gets(&clients.worker, "/health")?,
            clients.queries()?,
            workerd.as_ref().map(|workerd| gets(&workerd.server(), "/")).transpose()?,
        );
        // the first one fills caches
        if round > 0 {
            health.push(measured.0);
            queries.push(measured.1);
            hellos.extend(measured.2);
        }
    }
    let queries = Sample::from(queries);
    let mut rows = vec![
        Row::new("sealed, signed session query that reads one key, over HTTP, 8 connections", "requests/s", queries.clone())
            .against("`GET /health`", health.into())
            .target(Target::RatioAtLeast(0.3))
            .limited_by(
                "by a profile of the worker: 44 % is the kernel's (14 % writes to sockets, 14 % protects the instances' memory and takes it \
                 back, 7 % are page faults), 21 % is the check of one ed25519 signature and the making of one: these two alone take \
                 longer than all of `GET /health`",
            ),
    ];
    if workerd.is_some() {
        rows.push(Row::new("the same queries", "requests/s", queries).against("workerd, hello", hellos.into()));
    }
    Ok(rows)
}
