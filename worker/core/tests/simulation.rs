//! Whole lives of workers in memory: a real light client over a chain that is built here, real keys, real contracts, virtual time, and
//! hosts that lie.

#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use std::{collections::HashMap, sync::Arc};

use codec::Encode as _;
use phala_crypto::{BootIdentity, verify_boot};
use phala_light_client::{
    FinalityProof, header_hash,
    testing::{TestChain, TestLog, TestState, validators},
};
use phala_primitives::{
    AccountId, Assurance, ClusterId, CodeHash, ContractId, Hash256, Message, Payload, WorkerId,
    cluster::{
        ClusterConfig, ClusterConfigV1, ClusterEntry, ClusterEntryV1, ClusterStatus, HttpPolicy, Limits, Permission,
        SealingMode,
    },
    contract::{CodeEntry, CodeEntryV1},
    message::{Command, Instantiate, Kind, MessageV1, Origin, Upload},
    report::{ReportV1, Reported, ReportedV1},
    storage_key,
    worker::{ClaimsSummary, Measurement, TcbStatus, WorkerEntry, WorkerEntryV1},
};
use phala_worker_core::{
    Codes, Config, Effect, Input, Outside, Parts, Phase, Queries, StepError, Submission, View, Want, Worker,
    memory::MemoryStore,
};
use phat_engine::{HostFailure, HttpError, Options, Pool, Request, Response, Revision, Stack};
use rand_core::{CryptoRng, RngCore};

const CLUSTER: ClusterId = ClusterId(0);
const OPERATOR: AccountId = AccountId([1; 32]);
const CONTRACT: ContractId = ContractId([7; 32]);

/// The same in each run, other with each seed.
struct Rng(u64);

impl RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = (self.next_u64() >> 40) as u8);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Rng {}

struct Nowhere;

impl Outside for Nowhere {
    fn now_ms(&self) -> u64 {
        0
    }
    fn random(&self, _: &mut [u8]) -> Result<(), HostFailure> {
        Err(HostFailure("not part of this test".into()))
    }
    fn fetch(
        &self,
        _: &HttpPolicy,
        requests: Vec<(Request, Option<Options>)>,
        _: u64,
        _: u64,
    ) -> Vec<Result<Response, HttpError>> {
        requests.iter().map(|_| Err(HttpError::TimedOut)).collect()
    }
}

/// Stores its input under a key of three zero bytes, and returns it.
fn component() -> Vec<u8> {
    let body = r#"(func $run (export "run") (param $in i32) (param $len i32) (result i32)
        (call $set (i32.const 0) (i32.const 3) (local.get $in) (local.get $len) (i32.const 3000))
        (call $ok (local.get $in) (local.get $len)))"#;
    let text = include_str!("../../../contract/engine/tests/support/contract.wat");
    wat::parse_str(text.replace("PAGES", "1").replace("BODY\n", &format!("{body}\n"))).unwrap()
}

fn config(sealing: SealingMode) -> ClusterConfig {
    ClusterConfig::V1(ClusterConfigV1 {
        permission: Permission::Public,
        gas_price: 1,
        deposit_per_byte: 1,
        quorum: 1,
        limits: Limits {
            code_bytes: 1 << 20,
            memory_bytes: 1 << 20,
            key_bytes: 256,
            value_bytes: 1024,
            output_bytes: 1024,
            payload_bytes: 1024,
            gas_per_message: 100_000_000,
            timeout_blocks: 100,
        },
        engine_revision: 1,
        http: HttpPolicy::default(),
        sealing,
    })
}

/// A chain with one cluster, whose pallets are played by this struct.
struct World {
    chain: TestChain,
    log: TestLog,
    bodies: Vec<Vec<u8>>,
    code: Vec<u8>,
    chunk: Vec<u8>,
    cluster: ClusterEntryV1,
    members: Vec<WorkerId>,
    reported: Option<ReportedV1>,
    reports: Vec<ReportV1>,
    states: HashMap<Hash256, TestState>,
}

impl World {
    fn new(sealing: SealingMode) -> Self {
        let chain = TestChain::new(validators(1, 4));
        let log = TestLog::new(&chain.config().genesis, CLUSTER);
        let code = component();
        let chunk = zstd::bulk::compress(&code, 3).unwrap();
        let cluster = ClusterEntryV1 {
            owner: OPERATOR,
            config: config(sealing),
            status: ClusterStatus::Active,
            epoch: 0,
            keys: None,
            created_at: 1,
        };
        let mut world = Self {
            chain,
            log,
            bodies: Vec::new(),
            code,
            chunk,
            cluster,
            members: Vec::new(),
            reported: None,
            reports: Vec::new(),
            states: HashMap::new(),
        };
        world.append(Kind::ClusterCreated(config(sealing)));
        world.block();
        world
    }

    fn genesis(&self) -> Hash256 {
        self.chain.config().genesis
    }

    fn code_hash(&self) -> CodeHash {
        CodeHash(sp_crypto_hashing::blake2_256(&self.code))
    }

    fn append(&mut self, kind: Kind) {
        let index = self.log.head().next_index;
        let block = self.chain.best().number + 1;
        let message = Message::V1(MessageV1 {
            index,
            block,
            time_ms: u64::from(block) * 1000,
            origin: Origin::Account(OPERATOR),
            kind,
        });
        self.log.append(&message);
        self.bodies.push(message.encode());
    }

    fn deploy(&mut self) {
        let (code, size) = (self.code_hash(), self.code.len() as u32);
        let entry = CodeEntryV1 {
            owner: OPERATOR,
            size,
            stored_bytes: self.chunk.len() as u32,
            chunks: vec![sp_crypto_hashing::blake2_256(&self.chunk)].try_into().unwrap(),
            arrived: 1,
            deposit: 0,
            users: 1,
        };
        self.chain.state().insert(storage_key::code(CLUSTER, code), CodeEntry::V1(entry).encode());
        self.append(Kind::Upload(Upload { code, size }));
        self.append(Kind::Instantiate(Instantiate {
            contract: CONTRACT,
            code,
            owner: OPERATOR,
            payload: Payload::Plain(Default::default()),
            gas_limit: 50_000_000,
            deposit: 1_000,
            value: 0,
        }));
        self.block();
    }

    fn command(&mut self, payload: &[u8]) {
        self.append(Kind::Command(Command {
            contract: CONTRACT,
            payload: Payload::Plain(payload.to_vec().try_into().unwrap()),
            gas_limit: 50_000_000,
            value: 0,
        }));
        self.block();
    }

    /// A new block with the state as it is now.
    fn block(&mut self) {
        let number = self.chain.best().number + 1;
        let (head, members) = (self.log.head(), self.members.clone());
        let (cluster, reported) = (self.cluster.clone(), self.reported);
        let genesis = self.genesis();
        let state = self.chain.state();
        state.insert(storage_key::block_hash(0), genesis.encode());
        state.insert(storage_key::timestamp_now(), (u64::from(number) * 1000).encode());
        state.insert(storage_key::log_head(CLUSTER), head.encode());
        state.insert(storage_key::members(CLUSTER), members.encode());
        state.insert(storage_key::cluster(CLUSTER), ClusterEntry::V1(cluster).encode());
        if let Some(reported) = reported {
            state.insert(storage_key::reported(CLUSTER), Reported::V1(reported).encode());
        }
        let state = state.clone();
        let header = self.chain.block();
        self.states.insert(header_hash(&header), state);
    }

    /// What an honest node, an honest platform and honest peers give.
    fn answer(&mut self, want: &Want, peer: Option<&Queries>) -> Input {
        match want {
            Want::Finality { .. } => Input::Finality(FinalityProof::V1(vec![self.chain.finalize()]).encode()),
            Want::Read { keys, at } => Input::Read(self.states[at].prove(keys)),
            Want::Messages { from, head, limit, .. } => {
                let end = head.next_index.min(from + u64::from(*limit)) as usize;
                Input::Messages(self.bodies[*from as usize..end].to_vec())
            }
            Want::Code { .. } => Input::Code(vec![self.chunk.clone()]),
            Want::Evidence { .. } => Input::Evidence(b"evidence".to_vec()),
            Want::Handover { request, .. } => {
                Input::Handover(peer.and_then(|peer| peer.hand_over(&request.encode(), &mut Rng(5)).ok()))
            }
            Want::Nothing { .. } => Input::Wake,
        }
    }

    /// What the pallets do with a transaction.
    fn submit(&mut self, submission: Submission) {
        match submission {
            Submission::Register { worker, boot_sign, boot_kem, block, .. } => {
                let key = storage_key::worker(worker);
                let entry = WorkerEntryV1 {
                    operator: OPERATOR,
                    boot_sign,
                    boot_kem,
                    boot_count: 1,
                    claims: ClaimsSummary {
                        measurement: Measurement([0; 48]),
                        tcb: TcbStatus::UpToDate,
                        assurance: Assurance::Software,
                    },
                    evidence: [0; 32],
                    evidence_block: block,
                    registered_at: block,
                    endpoint: Some(b"http://peer".to_vec().try_into().unwrap()),
                };
                self.chain.state().insert(key, WorkerEntry::V1(entry).encode());
                if !self.members.contains(&worker) {
                    self.members.push(worker);
                    self.append(Kind::MemberJoined(worker));
                }
            }
            Submission::CommitKeys { keys, .. } => self.cluster.keys = Some(keys),
            Submission::Report { report, .. } => {
                let report = report.latest().clone();
                self.reported = Some(ReportedV1 {
                    boundary: report.boundary,
                    state_root: report.state_root,
                    receipts_root: report.receipts_root,
                    first_index: report.first_index,
                });
                self.reports.push(report);
            }
            Submission::Offer { .. } => {}
        }
        self.block();
    }
}

struct Life {
    worker: Worker,
    boot: Arc<BootIdentity>,
    queries: Queries,
    view: Option<Arc<View>>,
    rng: Rng,
    now: u64,
}

impl Life {
    fn new(world: &World, seed: u64, store: &MemoryStore, platform: bool) -> Self {
        let boot = Arc::new(BootIdentity::generate(&mut Rng(seed)));
        let config = Config {
            chain: world.chain.config().clone(),
            cluster: CLUSTER,
            operator: OPERATOR,
            salt: [(seed / 100) as u8; 32],
            endpoint: None,
        };
        let parts = Parts {
            boot: boot.clone(),
            store: Arc::new(store.clone()),
            codes: Codes::new(Revision::V1, Pool { calls: 2, memory_bytes: 1 << 20 }).unwrap(),
            outside: Arc::new(Nowhere),
            platform: platform.then(|| zeroize::Zeroizing::new([3; 32])),
        };
        let queries = Queries::new(world.genesis(), boot.clone(), 1_000_000);
        Self { worker: Worker::new(config, parts).unwrap(), boot, queries, view: None, rng: Rng(seed + 1), now: 0 }
    }

    /// One exchange. `lie` may put something else in the place of what the world says.
    fn step(
        &mut self,
        world: &mut World,
        peer: Option<&Queries>,
        lie: &mut dyn FnMut(&Want, Input) -> Input,
    ) -> Result<bool, StepError> {
        let want = self.worker.want(self.now);
        let quiet = matches!(want, Want::Nothing { .. });
        let honest = world.answer(&want, peer);
        let input = lie(&want, honest);
        let (worker, rng, now) = (&mut self.worker, &mut self.rng, self.now);
        let effects = Stack::run(|stack| worker.step(stack, input, now, rng)).unwrap()?;
        let mut quiet = quiet;
        for effect in effects {
            match effect {
                Effect::Submit(submission) => {
                    if let Submission::Report { report, signature, .. } = &*submission {
                        let digest = report.digest(&world.genesis());
                        verify_boot(&self.boot.boot_sign(), &digest, signature).unwrap();
                    }
                    world.submit(*submission);
                    quiet = false;
                }
                Effect::Publish(view) => {
                    self.queries.publish(view.clone());
                    self.view = Some(view);
                }
                Effect::Withhold { next_index } => self.queries.withhold(next_index),
                _ => {}
            }
        }
        self.now += 300;
        Ok(quiet)
    }

    /// Runs until there is nothing to do for a while.
    fn settle(&mut self, world: &mut World, peer: Option<&Queries>) {
        let mut quiet = 0;
        for _ in 0..500 {
            match self.step(world, peer, &mut |_, honest| honest) {
                Ok(true) => quiet += 1,
                Ok(false) => {}
                Err(StepError::Host(_)) => self.now += 1_000,
                Err(error) => panic!("{error}"),
            }
            if quiet > 8 {
                return;
            }
        }
        panic!("the worker does not come to rest; it wants {:?}", self.worker.want(self.now));
    }

    fn root(&self) -> Hash256 {
        self.view.as_ref().expect("a view").state_root()
    }
}

fn running(sealing: SealingMode) -> (World, Life, MemoryStore) {
    let mut world = World::new(sealing);
    let store = MemoryStore::default();
    let mut life = Life::new(&world, 100, &store, true);
    life.settle(&mut world, None);
    world.deploy();
    life.settle(&mut world, None);
    world.command(b"one");
    life.settle(&mut world, None);
    (world, life, store)
}

#[test]
fn a_worker_registers_draws_keys_executes_and_reports() {
    let (world, life, _) = running(SealingMode::SelfSeal);
    assert_eq!(life.worker.phase(), Phase::Following);
    assert_eq!(life.worker.log_index(), world.log.head().next_index);
    let last = world.reports.last().unwrap();
    assert_eq!(last.boundary.index, world.log.head().next_index);
    assert_eq!(last.state_root, life.root());
    assert!(world.reports.iter().flat_map(|report| &report.outcomes).all(|outcome| outcome.status.is_success()));
    let keys: Vec<_> = world.reports.iter().flat_map(|report| &report.command_keys).collect();
    assert_eq!((keys.len(), keys[0].0), (1, CONTRACT));
}

#[test]
fn a_restarted_worker_opens_its_seal_and_goes_on() {
    let (mut world, life, store) = running(SealingMode::SelfSeal);
    let (root, index) = (life.root(), life.worker.log_index());
    drop(life);
    // another boot of the same worker
    let mut life = Life::new(&world, 101, &store, true);
    life.settle(&mut world, None);
    assert_eq!((life.root(), life.worker.log_index()), (root, index), "nothing is executed twice");
    world.command(b"two");
    life.settle(&mut world, None);
    assert_ne!(life.root(), root);
    assert_eq!(world.reports.last().unwrap().state_root, life.root());
}

#[test]
fn a_peer_gets_the_keys_by_hand_over_and_comes_to_the_same_state() {
    let (mut world, mut first, _) = running(SealingMode::Peers);
    let store = MemoryStore::default();
    let mut second = Life::new(&world, 200, &store, false);
    // it registers and joins; the first one has to see it before it hands anything over
    for _ in 0..30 {
        let _waiting = second.step(&mut world, Some(&first.queries), &mut |_, honest| honest);
    }
    first.settle(&mut world, None);
    second.settle(&mut world, Some(&first.queries));
    assert_eq!(second.worker.phase(), Phase::Following);
    first.settle(&mut world, None);
    assert_eq!(second.root(), first.root());
    world.command(b"three");
    first.settle(&mut world, None);
    second.settle(&mut world, None);
    assert_eq!(second.root(), first.root());
}

#[test]
fn a_stranger_gets_no_keys() {
    let (world, first, _) = running(SealingMode::Peers);
    let stranger = phala_primitives::handover::HandoverRequest::V1 { cluster: CLUSTER, worker: WorkerId([9; 32]) };
    let refused = first.queries.hand_over(&stranger.encode(), &mut Rng(1));
    assert!(matches!(refused, Err(phala_worker_core::QueryError::NotMember { .. })), "{:?}", refused.is_ok());
    drop(world);
}

#[test]
fn lies_of_nodes_are_found_and_change_nothing() {
    type Lie = fn(&Want, Input) -> Input;
    let lies: [(&str, Lie); 6] = [
        ("a forged message", |_, honest| match honest {
            Input::Messages(mut bodies) => {
                *bodies[0].last_mut().unwrap() ^= 1;
                Input::Messages(bodies)
            }
            other => other,
        }),
        ("no bodies", |_, honest| match honest {
            Input::Messages(_) => Input::Messages(Vec::new()),
            other => other,
        }),
        ("a message too many", |_, honest| match honest {
            Input::Messages(mut bodies) => {
                bodies.push(bodies[0].clone());
                Input::Messages(bodies)
            }
            other => other,
        }),
        ("a proof without its nodes", |_, honest| match honest {
            Input::Read(mut nodes) => {
                nodes.truncate(nodes.len() / 2);
                Input::Read(nodes)
            }
            other => other,
        }),
        ("votes that were changed", |_, honest| match honest {
            Input::Finality(mut proof) => {
                let middle = proof.len() / 2;
                proof[middle] ^= 1;
                Input::Finality(proof)
            }
            other => other,
        }),
        ("no proof at all", |_, honest| match honest {
            Input::Finality(_) => Input::Finality(vec![0xff; 40]),
            other => other,
        }),
    ];
    for (name, mut lie) in lies {
        let (mut world, mut life, _) = running(SealingMode::SelfSeal);
        let (root, index) = (life.root(), life.worker.log_index());
        world.command(b"lied about");
        let mut caught = 0;
        for _ in 0..40 {
            match life.step(&mut world, None, &mut lie) {
                Ok(_) => {}
                Err(StepError::Node(_)) => caught += 1,
                Err(other) => panic!("{name}: {other}"),
            }
        }
        assert!(caught > 0, "{name} was not found");
        assert_eq!((life.root(), life.worker.log_index()), (root, index), "{name} had an effect");
        // the next node is honest
        life.settle(&mut world, None);
        assert_eq!(life.worker.log_index(), index + 1, "{name}");
    }
}

#[test]
fn code_that_is_not_what_its_hash_says_is_a_receipt_and_not_a_stop() {
    let mut world = World::new(SealingMode::SelfSeal);
    world.chunk = zstd::bulk::compress(b"something else", 3).unwrap();
    let store = MemoryStore::default();
    let mut life = Life::new(&world, 100, &store, true);
    life.settle(&mut world, None);
    world.deploy();
    life.settle(&mut world, None);
    let statuses: Vec<_> = world.reports.iter().flat_map(|r| &r.outcomes).map(|outcome| outcome.status).collect();
    assert_eq!(statuses.last(), Some(&phala_primitives::report::Status::BadCode));
}

#[test]
fn damage_on_disk_is_found_and_said() {
    let (mut world, life, store) = running(SealingMode::SelfSeal);
    drop(life);
    store.tamper(|nodes| nodes.values_mut().for_each(|node| node[0] ^= 1));
    let mut life = Life::new(&world, 101, &store, true);
    world.command(b"two");
    let error = (0..60).find_map(|_| life.step(&mut world, None, &mut |_, honest| honest).err());
    let Some(StepError::Operator(text)) = error else { panic!("{error:?}") };
    assert!(text.contains("damaged"), "{text}");
}

#[test]
fn an_old_store_is_caught_up_from_the_log() {
    let (mut world, mut life, store) = running(SealingMode::SelfSeal);
    let old = store.fork();
    world.command(b"two");
    life.settle(&mut world, None);
    let root = life.root();
    drop(life);
    let mut life = Life::new(&world, 101, &old, true);
    life.settle(&mut world, None);
    assert_eq!(life.root(), root);
}
