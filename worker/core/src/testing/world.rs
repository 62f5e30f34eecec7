//! A chain with one cluster, and the node that serves it.

use std::collections::HashMap;

use codec::Encode as _;
use phala_light_client::{
    FinalityProof, FinalityStep, header_hash,
    testing::{TestChain, TestLog, TestState, validators},
};
use phala_primitives::{
    Assurance, Boundary, CodeHash, Hash256, Message, Payload, WorkerId,
    cluster::{
        ClusterConfig, ClusterConfigV1, ClusterEntry, ClusterEntryV1, ClusterStatus, HttpPolicy, Limits, Permission,
        SealingMode,
    },
    message::{Command, Instantiate, Kind, MessageV1, Origin, Upload},
    report::{ReportV1, Reported, ReportedV1},
    storage_key,
    worker::{ClaimsSummary, Measurement, TcbStatus, WorkerEntry, WorkerEntryV1},
};

use super::{CLUSTER, CONTRACT, OPERATOR, Rng};
use crate::{Input, Page, Queries, Submission, Want};

/// A small cluster that everybody may use.
pub fn config(sealing: SealingMode) -> ClusterConfigV1 {
    ClusterConfigV1 {
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
    }
}

/// A chain with one cluster, whose pallets are played by this struct.
pub struct World {
    /// Blocks and votes.
    pub chain: TestChain,
    /// The cluster's log.
    pub log: TestLog,
    /// The chunk of code that nodes serve.
    pub chunk: Vec<u8>,
    /// The reports that were accepted.
    pub reports: Vec<ReportV1>,
    /// Whether reports are lost on their way.
    pub deaf: bool,
    bodies: Vec<Vec<u8>>,
    /// The block of the last message.
    last_block: u32,
    code: Vec<u8>,
    cluster: ClusterEntryV1,
    members: Vec<WorkerId>,
    reported: Option<ReportedV1>,
    states: HashMap<Hash256, TestState>,
    hand_offs: Vec<FinalityStep>,
}

impl World {
    /// A chain with this cluster and nobody in it. `code` is the component that [`World::deploy`] makes a contract of.
    pub fn new(config: ClusterConfigV1, code: Vec<u8>) -> Self {
        let config = ClusterConfig::V1(config);
        let chain = TestChain::new(validators(1, 4));
        let log = TestLog::new(&chain.config().genesis_hash(), CLUSTER);
        let chunk = zstd::bulk::compress(&code, 3).unwrap();
        let cluster = ClusterEntryV1 {
            owner: OPERATOR,
            config: config.clone(),
            status: ClusterStatus::Active,
            epoch: 0,
            keys: None,
            created_at: 1,
        };
        let mut world = Self {
            chain,
            log,
            bodies: Vec::new(),
            last_block: 0,
            code,
            chunk,
            cluster,
            members: Vec::new(),
            reported: None,
            reports: Vec::new(),
            deaf: false,
            states: HashMap::new(),
            hand_offs: Vec::new(),
        };
        world.append(Kind::ClusterCreated(config));
        world.block();
        world
    }

    /// Whether members disagree.
    pub fn is_frozen(&self) -> bool {
        self.cluster.status == ClusterStatus::Frozen
    }

    /// Hash of block 0.
    pub fn genesis(&self) -> Hash256 {
        self.chain.config().genesis_hash()
    }

    fn code_hash(&self) -> CodeHash {
        CodeHash(sp_crypto_hashing::blake2_256(&self.code))
    }

    /// Adds a message to the log; the next block has it.
    pub fn append(&mut self, kind: Kind) {
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
        self.last_block = block;
        self.bodies.push(message.encode());
    }

    /// Uploads the code and makes [`CONTRACT`] of it.
    pub fn deploy(&mut self) {
        let (code, size) = (self.code_hash(), self.code.len() as u32);
        let chunks = vec![sp_crypto_hashing::blake2_256(&self.chunk)].try_into().unwrap();
        self.append(Kind::Upload(Upload { code, size, chunks }));
        self.append(Kind::Instantiate(Instantiate {
            contract: CONTRACT,
            code,
            owner: OPERATOR,
            payload: Payload::Plain(Default::default()),
            gas_limit: 50_000_000,
            deposit: 1 << 60,
            value: 0,
        }));
        self.block();
    }

    /// A block with one command.
    pub fn command(&mut self, payload: &[u8]) {
        self.queue(payload, 50_000_000);
        self.block();
    }

    /// Adds a command to the log; the next block has it.
    pub fn queue(&mut self, payload: &[u8], gas_limit: u64) {
        self.append(Kind::Command(Command {
            contract: CONTRACT,
            payload: Payload::Plain(payload.to_vec().try_into().unwrap()),
            gas_limit,
            value: 0,
        }));
    }

    /// A new block with the state as it is now.
    pub fn block(&mut self) {
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

    /// Blocks in which nothing happens.
    pub fn empty_blocks(&mut self, count: usize) {
        self.chain.blocks(count);
        self.block();
    }

    /// A block at which other validators take over.
    pub fn hand_over(&mut self) {
        let next = validators(self.chain.set_id() + 2, self.chain.validators().len());
        self.hand_offs.push(self.chain.hand_over(next));
    }

    /// The cluster accepts a report about the newest block whose state is not that of an honest worker.
    pub fn report_another_root(&mut self) {
        let head = self.log.head();
        let boundary = Boundary { index: head.next_index, block: self.last_block, log_hash: head.hash };
        let first_index = self.reported.map_or(0, |reported| reported.boundary.index);
        self.reported = Some(ReportedV1 { boundary, state_root: [13; 32], receipts_root: [13; 32], first_index });
        self.block();
    }

    /// What an honest node, an honest platform and honest peers give.
    pub fn answer(&mut self, want: &Want, peer: Option<&Queries>) -> Input {
        match want {
            Want::Finality { from_set, limit } => {
                let from = usize::try_from(*from_set).unwrap().min(self.hand_offs.len());
                let later = &self.hand_offs[from..];
                let mut steps = later[..later.len().min(*limit as usize)].to_vec();
                if steps.len() == later.len() {
                    steps.push(self.chain.finalize());
                }
                Input::Finality(FinalityProof::V1(steps).encode())
            }
            Want::Read { keys, at } => Input::Read(self.states[at].prove(keys)),
            Want::Messages { from, head, limit, .. } => {
                let end = head.next_index as usize;
                if self.log.head_at(end) != *head {
                    // no node has what a liar has made up
                    return Input::Missed;
                }
                let start = end.saturating_sub(*limit as usize).max(*from as usize);
                let bodies = self.bodies[start..end].to_vec();
                Input::Messages(Page { before: self.log.head_at(start).hash, bodies })
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
    pub fn submit(&mut self, submission: Submission) {
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
            Submission::Report { .. } if self.deaf => {}
            Submission::Report { report, .. }
                if self.reported.is_some_and(|last| report.latest().boundary.index <= last.boundary.index) =>
            {
                // a quorum of 1 cannot outvote anybody
                self.cluster.status = ClusterStatus::Frozen;
            }
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
