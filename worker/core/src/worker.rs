//! The worker's life as a state machine: `step(input, now) → effects`, and `want(now)` for what it needs next.
//!
//! ```text
//! Syncing ─▶ Registering ─▶ Joining ─▶ Keyless ─▶ Following
//!                 ▲______________|_________|__________|        whenever the registry no longer names this boot
//! ```
//!
//! In each round it advances its light client, reads the state of the newest finalised block by proof, and then does what its
//! phase asks for. A step that fails changes nothing but what it says it does, and is tried again.

use std::{collections::VecDeque, sync::Arc};

use phala_crypto::{BootIdentity, ClusterKeys, SealKey, open_cluster_keys, open_keys, seal_cluster_keys};
use phala_light_client::{
    AdvanceError, FinalityProof, LightClient, ReadError, Remedy, Verified,
    log::{FoldError, Survey, fold},
};
use phala_primitives::{
    AccountId, ClusterId, Hash256, LogHead, Message, Report, Wire, WorkerId,
    cluster::{ClusterStatus, SealingMode},
    handover::{HandoverAnswer, HandoverRequest},
    message::MessageV1,
    report::{ReportV1, key_commitment_digest},
    report_data::BootBinding,
    worker::Endpoint,
};
use phat_engine::{HostFailure, Stack};

use crate::{
    chain::{self, Chain},
    checkpoint::CheckpointError,
    cluster::{Cluster, Codes, unpack},
    exchange::{Effect, Input, Page, Submission, Want},
    execute::ExecuteError,
    following::Following,
    outside::Outside,
    queries::Members,
    record::UploadRecord,
    store::{Commit, Store, StoreError, Table},
    tree::StateFault,
    view::View,
};

/// Hand-overs that one finality proof may have.
const HANDOFFS: u32 = 64;
/// Messages that are asked for at once.
const MESSAGES: u32 = 1024;
/// Bodies of one chunk of a long log, in bytes.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Bodies that are held until a chunk is complete, in bytes: it may begin with what an earlier one held back.
const HELD_BYTES: usize = 3 * CHUNK_BYTES;
/// How long to wait for news, in milliseconds.
const IDLE_MS: u64 = 1_000;
/// How many blocks a transaction has to take effect before it is submitted again.
const PATIENCE_BLOCKS: u32 = 20;
/// How many blocks a cluster's owner has to take an offer before it is made again.
const OFFER_BLOCKS: u32 = 14_400;
/// How many blocks the first member has to draw the cluster's keys before another one does.
const DRAW_BLOCKS: u32 = 30;

/// What a worker is, for as long as it runs.
pub struct Config {
    /// The chain.
    pub chain: phala_light_client::Config,
    /// The cluster that it serves.
    pub cluster: ClusterId,
    /// Who runs it.
    pub operator: AccountId,
    /// With the operator this gives the worker's id.
    pub salt: [u8; 32],
    /// Where it is reached.
    pub endpoint: Option<Endpoint>,
}

/// How far a worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It has not proven any state yet.
    Syncing,
    /// The registry does not name this boot yet.
    Registering,
    /// It is registered, and no member of the cluster yet.
    Joining,
    /// It is a member without the cluster's keys.
    Keyless,
    /// It follows the log and answers.
    Following,
    /// The cluster has ended.
    Ended,
}

/// Why a step did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The node lied, is behind, or is damaged: ask another one. The text says which check failed.
    #[error("the node's answer was refused: {0}")]
    Node(String),
    /// The host's storage, memory or platform failed: try again later.
    #[error("{0}")]
    Host(String),
    /// The operator has to do something; until then nothing will change.
    #[error("{0}")]
    Operator(String),
}

impl From<AdvanceError> for StepError {
    fn from(error: AdvanceError) -> Self {
        by_remedy(error.remedy(), error.to_string())
    }
}

impl From<ReadError> for StepError {
    fn from(error: ReadError) -> Self {
        by_remedy(error.remedy(), error.to_string())
    }
}

impl From<FoldError> for StepError {
    fn from(error: FoldError) -> Self {
        by_remedy(error.remedy(), error.to_string())
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Host(error.to_string())
    }
}

impl From<HostFailure> for StepError {
    fn from(error: HostFailure) -> Self {
        Self::Host(error.to_string())
    }
}

impl From<StateFault> for StepError {
    fn from(fault: StateFault) -> Self {
        match fault {
            StateFault::Store(error) => error.into(),
            StateFault::Damaged(_) => Self::Operator(format!(
                "{fault}; move the data directory away: the worker then starts from the log, nothing is lost"
            )),
        }
    }
}

impl From<CheckpointError> for StepError {
    fn from(error: CheckpointError) -> Self {
        Self::Operator(error.to_string())
    }
}

fn by_remedy(remedy: Remedy, text: String) -> StepError {
    match remedy {
        Remedy::AskAnotherNode => StepError::Node(text),
        Remedy::NeedsAnchor => StepError::Operator(format!("{text}; give the worker a signed recovery anchor")),
        Remedy::Upgrade => StepError::Operator(format!("{text}; upgrade the worker")),
        _ => StepError::Operator(text),
    }
}

/// What the current round still has to do.
enum Stage {
    Advance,
    Read,
    Act,
    Idle { until_ms: u64 },
}

/// A long stretch of the log: first its heads are proven, then its messages are executed chunk by chunk.
enum Catchup {
    Survey(Box<Survey>),
    Chunks { marks: VecDeque<Verified<LogHead>>, held: Held },
}

/// Pages of a chunk. They come from its end, under hashes that the node says; folding the whole shows whether they were true.
#[derive(Default)]
struct Held {
    /// The last one first.
    pages: Vec<Vec<Vec<u8>>>,
    count: u64,
    bytes: usize,
    /// The log's hash before the first page.
    before: Hash256,
}

impl Held {
    fn add(&mut self, page: Page) -> Result<(), StepError> {
        self.bytes = page.bodies.iter().fold(self.bytes, |sum, body| sum.saturating_add(body.len()));
        if self.bytes > HELD_BYTES {
            return Err(StepError::Node("more bytes than these messages have".into()));
        }
        self.count = self.count.saturating_add(u64::try_from(page.bodies.len()).unwrap_or(u64::MAX));
        self.before = page.before;
        self.pages.push(page.bodies);
        Ok(())
    }

    /// The head before which the next page ends.
    fn head(&self, mark: &LogHead) -> LogHead {
        let next_index = mark.next_index.saturating_sub(self.count);
        LogHead { next_index, hash: if self.count == 0 { mark.hash } else { self.before } }
    }

    fn into_bodies(self) -> Vec<Vec<u8>> {
        self.pages.into_iter().rev().flatten().collect()
    }
}

/// What was submitted last for a purpose, and when.
#[derive(Clone, Copy, Default)]
struct Asked(Option<u32>);

impl Asked {
    /// Whether it is time to ask, for the first time or again.
    fn due(&self, block: u32, patience: u32) -> bool {
        self.0.is_none_or(|at| block.saturating_sub(at) >= patience)
    }
}

/// A worker. See the [module's documentation](self).
pub struct Worker {
    config: Config,
    id: WorkerId,
    boot: Arc<BootIdentity>,
    store: Arc<dyn Store>,
    codes: Codes,
    outside: Arc<dyn Outside>,
    platform: Option<SealKey>,
    client: LightClient,
    chain: Option<Chain>,
    stage: Stage,
    phase: Phase,
    registering: Asked,
    offering: Asked,
    committing: Asked,
    contradicting: Asked,
    /// Whether queries are answered from a view of this worker.
    published: bool,
    member_since: Option<u32>,
    drawn: Option<ClusterKeys>,
    /// The cluster with its keys, once they are known.
    cluster: Option<Arc<Cluster>>,
    following: Option<Following>,
    catchup: Option<Catchup>,
    needed_code: Option<Box<UploadRecord>>,
    /// The height at which there was nothing left to do.
    settled_at: Option<u32>,
    /// Hand-overs that came to nothing: another peer is asked first then.
    turn: usize,
    /// Answers of nodes that have brought it further.
    progress: u64,
}

/// What a worker is made of.
pub struct Parts {
    /// Its boot.
    pub boot: Arc<BootIdentity>,
    /// Its state.
    pub store: Arc<dyn Store>,
    /// Its engine.
    pub codes: Codes,
    /// What its queries reach.
    pub outside: Arc<dyn Outside>,
    /// The platform's sealing key, if it has one.
    pub platform: Option<zeroize::Zeroizing<[u8; 32]>>,
}

impl Worker {
    /// A worker that knows the genesis and has done nothing.
    pub fn new(config: Config, parts: Parts) -> Result<Self, phala_light_client::ConfigError> {
        let client = LightClient::new(&config.chain)?;
        let id = WorkerId::derive(client.genesis(), &config.operator, &config.salt);
        let platform = parts.platform.map(|key| SealKey::for_platform(&key, client.genesis(), id));
        Ok(Self {
            config,
            id,
            boot: parts.boot,
            store: parts.store,
            codes: parts.codes,
            outside: parts.outside,
            platform,
            client,
            chain: None,
            stage: Stage::Advance,
            phase: Phase::Syncing,
            registering: Asked::default(),
            offering: Asked::default(),
            committing: Asked::default(),
            contradicting: Asked::default(),
            published: false,
            member_since: None,
            drawn: None,
            cluster: None,
            following: None,
            catchup: None,
            needed_code: None,
            settled_at: None,
            turn: 0,
            progress: 0,
        })
    }

    /// Its id.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The height up to which it knows the chain to be final.
    pub fn height(&self) -> u32 {
        self.client.height()
    }

    /// How many messages it has executed.
    pub fn log_index(&self) -> u64 {
        self.following.as_ref().map_or(0, |following| following.position().next_index)
    }

    /// Counts the answers of nodes that have brought it further. A node that keeps it from moving is left for another.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// What it wants to know next.
    pub fn want(&self, now_ms: u64) -> Want {
        let news = Want::Finality { from_set: self.client.authorities().id(), limit: HANDOFFS };
        match &self.stage {
            Stage::Idle { until_ms } if now_ms < *until_ms => Want::Nothing { until_ms: *until_ms },
            Stage::Idle { .. } | Stage::Advance => news,
            Stage::Read => match self.client.finalized() {
                Some(at) => Want::Read { at: *at.hash(), keys: self.keys() },
                None => news,
            },
            Stage::Act => self.act().unwrap_or(news),
        }
    }

    fn members(&self) -> &[WorkerId] {
        self.chain.as_ref().map_or(&[], |chain| &chain.members)
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        chain::keys(self.config.cluster, self.id, self.members())
    }

    /// What the phase wants from outside; nothing if the round is over.
    fn act(&self) -> Option<Want> {
        let chain = self.chain.as_ref()?;
        match self.phase {
            Phase::Registering if self.registering.due(chain.at.number(), PATIENCE_BLOCKS) => {
                Some(Want::Evidence { report_data: self.binding(chain).report_data() })
            }
            Phase::Keyless if self.wants_handover(chain) => {
                let peers = self.peers(chain);
                let policy = chain.cluster.as_ref()?.config.latest().http.clone();
                let request = HandoverRequest::V1 { cluster: self.config.cluster, worker: self.id };
                (!peers.is_empty()).then_some(Want::Handover { peers, policy, request })
            }
            Phase::Following if self.needed_code.is_some() => self.wanted_code(),
            Phase::Following => self.wanted_messages(chain),
            _ => None,
        }
    }

    fn binding(&self, chain: &Chain) -> BootBinding {
        BootBinding {
            genesis: *self.client.genesis(),
            boot_sign: self.boot.boot_sign(),
            boot_kem: self.boot.boot_kem(),
            worker: self.id,
            operator: self.config.operator,
            block: chain.at.number(),
            block_hash: *chain.at.hash(),
        }
    }

    fn peers(&self, chain: &Chain) -> Vec<Endpoint> {
        let others = chain.members.iter().filter(|member| **member != self.id);
        let mut peers: Vec<_> = others.filter_map(|member| chain.entry(member)?.endpoint.clone()).collect();
        // a peer, or whoever stands before it, that answers nonsense must not keep the others from being asked
        let first = self.turn.checked_rem(peers.len()).unwrap_or(0);
        peers.rotate_left(first);
        peers
    }

    fn wants_handover(&self, chain: &Chain) -> bool {
        let committed = chain.cluster.as_ref().is_some_and(|cluster| cluster.keys.is_some());
        committed && self.drawn.is_none()
    }

    fn wanted_code(&self) -> Option<Want> {
        let upload = self.needed_code.as_ref()?.latest();
        Some(Want::Code { cluster: self.config.cluster, code: upload.code, chunks: upload.chunks.to_vec() })
    }

    fn wanted_messages(&self, chain: &Chain) -> Option<Want> {
        let (following, proven) = (self.following.as_ref()?, chain.head.as_ref()?);
        let position = following.position().next_index;
        let head = match &self.catchup {
            None if proven.next_index > position => **proven,
            None => return None,
            Some(Catchup::Survey(survey)) => **survey.head(),
            Some(Catchup::Chunks { marks, held }) => held.head(marks.front()?),
        };
        Some(Want::Messages { cluster: self.config.cluster, head, from: position, limit: MESSAGES })
    }

    /// Takes what the daemon has found out, and says what is to be done: `effects`, also where the step failed after them.
    ///
    /// Whatever fails, the next thing wanted is news: what failed may be out of date.
    pub fn step(
        &mut self,
        stack: &Stack,
        input: Input,
        now_ms: u64,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
        effects: &mut Vec<Effect>,
    ) -> Result<(), StepError> {
        let recovered = self.following.as_mut().map_or(Ok(()), Following::recover);
        let result = recovered.and_then(|()| self.take(stack, input, now_ms, effects, rng));
        if result.is_err() {
            self.stage = Stage::Advance;
        }
        result
    }

    fn take(
        &mut self,
        stack: &Stack,
        input: Input,
        now_ms: u64,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        match input {
            Input::Wake => {
                if matches!(self.stage, Stage::Idle { .. }) {
                    self.stage = Stage::Advance;
                }
            }
            Input::Missed => {
                // what is asked for may hang on a hash that the last node made up
                if let Some(Catchup::Chunks { held, .. }) = &mut self.catchup {
                    *held = Held::default();
                }
                self.stage = Stage::Advance;
            }
            Input::Finality(proof) => self.advance(&proof, now_ms)?,
            Input::Read(nodes) => {
                self.read(&nodes, effects)?;
                self.decide(now_ms, effects, rng)?;
            }
            Input::Evidence(evidence) => {
                if let (Phase::Registering, Some(chain)) = (self.phase, &self.chain) {
                    effects.push(Effect::Submit(Box::new(self.registration(chain, evidence))));
                    self.registering = Asked(Some(chain.at.number()));
                }
                self.rest(now_ms);
            }
            Input::Handover(answer) => {
                self.turn = self.turn.wrapping_add(1);
                self.take_keys(answer, effects)?;
                self.decide(now_ms, effects, rng)?;
            }
            Input::Code(chunks) => {
                self.take_code(&chunks, effects)?;
                self.decide(now_ms, effects, rng)?;
            }
            Input::Messages(page) => {
                let result = self.take_messages(stack, page, effects, rng);
                if result.is_err() {
                    self.catchup = None;
                }
                result?;
                self.progress = self.progress.wrapping_add(1);
                self.decide(now_ms, effects, rng)?;
            }
        }
        Ok(())
    }

    fn rest(&mut self, now_ms: u64) {
        self.settled_at = self.client.finalized().map(|at| at.number());
        self.stage = Stage::Idle { until_ms: now_ms.saturating_add(IDLE_MS) };
    }

    fn advance(&mut self, proof: &[u8], now_ms: u64) -> Result<(), StepError> {
        let proof = FinalityProof::from_wire(proof).map_err(|error| StepError::Node(error.to_string()))?;
        let steps = proof.steps().len();
        match self.client.advance(&proof) {
            Ok(_) => {
                self.progress = self.progress.wrapping_add(1);
                let more = u32::try_from(steps).is_ok_and(|steps| steps >= HANDOFFS);
                self.stage = if more { Stage::Advance } else { Stage::Read };
                Ok(())
            }
            // an honest node without news says again what it said before
            Err(AdvanceError::Empty) => {
                self.no_news(now_ms);
                Ok(())
            }
            Err(AdvanceError::Stale { step: 0, .. }) if steps == 1 => {
                self.no_news(now_ms);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Rests, unless there is still something to do at the newest block.
    fn no_news(&mut self, now_ms: u64) {
        let known = self.client.finalized().map(|at| at.number());
        if known == self.settled_at {
            self.rest(now_ms);
        } else {
            self.stage = Stage::Read;
        }
    }

    fn read(&mut self, nodes: &[Vec<u8>], effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let read = self.client.open(nodes, &self.keys())?;
        let chain = Chain::new(&read, self.client.genesis(), self.config.cluster, self.id, self.members())?;
        effects.push(Effect::Admit(Members {
            block: chain.at.number(),
            entries: Arc::new(
                chain.members.iter().filter_map(|member| Some((*member, chain.entry(member)?.clone()))).collect(),
            ),
        }));
        if let (Some(following), Some(head)) = (&self.following, &chain.head)
            && head.next_index > following.position().next_index
        {
            effects.push(Effect::Withhold { next_index: head.next_index });
        }
        self.chain = Some(chain);
        Ok(())
    }

    /// After a read, and after whatever the phase wanted: finds the phase, and what is to be done in it.
    fn decide(
        &mut self,
        now_ms: u64,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        self.phase = self.current_phase()?;
        match self.phase {
            Phase::Joining => self.offer(effects),
            Phase::Keyless => self.seek_keys(effects, rng)?,
            Phase::Following => self.report(effects),
            _ => {}
        }
        self.phase = self.current_phase()?;
        self.retract(effects);
        self.stage = Stage::Act;
        if self.act().is_none() {
            self.publish(effects)?;
            self.rest(now_ms);
        }
        Ok(())
    }

    fn current_phase(&self) -> Result<Phase, StepError> {
        let Some(chain) = &self.chain else { return Ok(Phase::Syncing) };
        let Some(cluster) = &chain.cluster else {
            return Err(StepError::Operator(format!(
                "there is no cluster {}: check the configuration",
                self.config.cluster
            )));
        };
        let live = chain.entry(&self.id).is_some_and(|entry| entry.boot_sign == self.boot.boot_sign());
        Ok(if cluster.status == ClusterStatus::Terminated {
            Phase::Ended
        } else if !live {
            Phase::Registering
        } else if !chain.members.contains(&self.id) {
            Phase::Joining
        } else if self.following.is_none() {
            Phase::Keyless
        } else {
            Phase::Following
        })
    }

    fn registration(&self, chain: &Chain, evidence: Vec<u8>) -> Submission {
        let BootBinding { boot_sign, boot_kem, worker, block, block_hash, .. } = self.binding(chain);
        Submission::Register {
            worker,
            salt: self.config.salt,
            boot_sign,
            boot_kem,
            block,
            block_hash,
            evidence,
            endpoint: self.config.endpoint.clone(),
        }
    }

    fn offer(&mut self, effects: &mut Vec<Effect>) {
        let Some(chain) = &self.chain else { return };
        let owns = chain.cluster.as_ref().is_some_and(|cluster| cluster.owner == self.config.operator);
        if !owns && self.offering.due(chain.at.number(), OFFER_BLOCKS) {
            self.offering = Asked(Some(chain.at.number()));
            effects.push(Effect::Submit(Box::new(Submission::Offer { worker: self.id, cluster: self.config.cluster })));
        }
    }

    /// Draws the cluster's keys if it has none, or opens what this platform has sealed.
    fn seek_keys(
        &mut self,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        let Some(chain) = &self.chain else { return Ok(()) };
        let Some(cluster) = &chain.cluster else { return Ok(()) };
        if self.cluster.is_some() {
            return self.resume(effects);
        }
        let (genesis, id, block) = (*self.client.genesis(), self.config.cluster, chain.at.number());
        let platform = self.platform.as_ref().filter(|_| cluster.config.latest().sealing == SealingMode::SelfSeal);
        let since = *self.member_since.get_or_insert(block);
        let sealed = match platform {
            Some(_) => self.store.snapshot()?.record(Table::Keys, &[])?,
            None => None,
        };
        let opened = platform.zip(sealed).map(|(platform, sealed)| open_cluster_keys(platform, id, &sealed));

        let Some(committed) = cluster.keys else {
            let first = chain.members.first() == Some(&self.id);
            if !first && block.saturating_sub(since) < DRAW_BLOCKS {
                return Ok(());
            }
            if self.committing.due(block, PATIENCE_BLOCKS) {
                // what an earlier boot has sealed may be on its way to the chain
                let earlier = opened.and_then(Result::ok).filter(|(_, height)| *height <= block).map(|(keys, _)| keys);
                let known = self.drawn.take().or(earlier);
                let keys = self.drawn.insert(known.unwrap_or_else(|| ClusterKeys::generate(rng)));
                let commitment = keys.commitment(&genesis, id);
                // sealed before they are announced: a crash in between must not leave a cluster without keys
                if let Some(platform) = platform {
                    self.store.commit(sealed_keys(platform, keys, id, block, rng))?;
                }
                let signature = self.boot.sign(&key_commitment_digest(&genesis, id, &commitment));
                self.committing = Asked(Some(block));
                let (worker, keys) = (self.id, commitment);
                effects.push(Effect::Submit(Box::new(Submission::CommitKeys { cluster: id, worker, keys, signature })));
            }
            return Ok(());
        };

        if let Some(keys) = self.drawn.take() {
            if keys.matches(&genesis, id, &committed) {
                return self.follow(keys, effects);
            }
            effects.push(Effect::Note("another member's keys were first: asking for them".into()));
        }
        match opened {
            Some(Ok((keys, height))) if height <= block && keys.matches(&genesis, id, &committed) => {
                return self.follow(keys, effects);
            }
            Some(Ok(_)) => effects.push(Effect::Note("the keys sealed on this machine are not the cluster's".into())),
            Some(Err(_)) => effects.push(Effect::Note("the keys sealed on this machine do not open".into())),
            None => {}
        }
        if self.peers(chain).is_empty() {
            return Err(StepError::Operator(
                "this worker has no keys of its cluster, and no other member to ask for them: wait for a peer, or create a new cluster".into(),
            ));
        }
        Ok(())
    }

    fn take_keys(&mut self, answer: Option<Vec<u8>>, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let committed = self.chain.as_ref().and_then(|chain| chain.cluster.as_ref()?.keys);
        let (Phase::Keyless, Some(committed)) = (self.phase, committed) else { return Ok(()) };
        let Some(answer) = answer else {
            return Err(StepError::Host("no other member gave the cluster's keys".into()));
        };
        let answer = HandoverAnswer::from_wire(&answer)
            .map_err(|error| StepError::Host(format!("a peer's answer is no hand-over: {error}")))?;
        let (genesis, cluster) = (*self.client.genesis(), self.config.cluster);
        let keys = open_keys(&self.boot, &genesis, cluster, self.id, &answer, &committed)
            .map_err(|error| StepError::Host(format!("a peer's hand-over was refused: {error}")))?;
        self.follow(keys, effects)
    }

    fn follow(&mut self, keys: ClusterKeys, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let (genesis, id) = (*self.client.genesis(), self.config.cluster);
        self.cluster = Some(Cluster::new(genesis, id, keys, self.codes.clone(), self.outside.clone()));
        self.resume(effects)
    }

    /// Goes on from the store. If that fails the keys are still there for the next try.
    fn resume(&mut self, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let Some(cluster) = self.cluster.clone() else { return Ok(()) };
        let id = self.config.cluster;
        let following = Following::resume(cluster, self.store.clone())?;
        effects.push(Effect::Note(format!("following cluster {id} from message {}", following.position().next_index)));
        self.following = Some(following);
        Ok(())
    }

    fn take_code(&mut self, chunks: &[Vec<u8>], effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let Some(record) = self.needed_code.clone() else { return Ok(()) };
        let upload = record.latest();
        let right = chunks.len() == upload.chunks.len()
            && chunks.iter().zip(&upload.chunks).all(|(chunk, hash)| sp_crypto_hashing::blake2_256(chunk) == *hash);
        if !right {
            return Err(StepError::Node("chunks of code do not have the chain's hashes".into()));
        }
        match unpack(&record, chunks) {
            Some(component) => {
                let records = vec![(Table::Code, record.name().to_vec(), Some(component))];
                self.store.commit(Commit { records, ..Commit::default() })?;
                if let Some(following) = &mut self.following {
                    following.rebase()?;
                }
            }
            None => {
                effects.push(Effect::Note(format!("the code {} is not what its hash says", upload.code)));
                if let Some(following) = &self.following {
                    following.condemn(&record);
                }
            }
        }
        self.needed_code = None;
        Ok(())
    }

    fn take_messages(
        &mut self,
        stack: &Stack,
        page: Page,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        let (Some(chain), Some(following)) = (&self.chain, &mut self.following) else { return Ok(()) };
        let Some(proven) = chain.head else { return Ok(()) };
        if page.bodies.is_empty() {
            return Err(StepError::Node("no messages, where the chain has some".into()));
        }
        let mut position = following.position();
        // where the chunks end that are still to come, this one first
        let mut chunks = VecDeque::new();
        let (head, bodies) = match self.catchup.take() {
            None => {
                let missing = proven.next_index.saturating_sub(position.next_index);
                if u64::try_from(page.bodies.len()).is_ok_and(|got| got < missing) {
                    self.catchup = Some(survey(Survey::new(&proven, &position, CHUNK_BYTES)?, &page)?);
                    return Ok(());
                }
                (proven, page.bodies)
            }
            Some(Catchup::Survey(ongoing)) => {
                self.catchup = Some(survey(*ongoing, &page)?);
                return Ok(());
            }
            Some(Catchup::Chunks { marks, mut held }) => {
                held.add(page)?;
                let Some(mark) = marks.front().copied() else { return Ok(()) };
                if held.count < mark.next_index.saturating_sub(position.next_index) {
                    self.catchup = Some(Catchup::Chunks { marks, held });
                    return Ok(());
                }
                chunks = marks;
                (mark, held.into_bodies())
            }
        };
        let messages = fold(&head, &position, &bodies)?;
        let mut list: Vec<(&MessageV1, LogHead)> = Vec::with_capacity(messages.len());
        for (message, body) in messages.iter().zip(&bodies) {
            let Message::V1(message) = &**message;
            position = position.append(body).map_err(|_| StepError::Operator("the log is full".into()))?;
            list.push((message, position));
        }
        // a chunk may end within a block: what the block has executed is settled at its end, as everywhere
        if *head != *proven {
            let block = list.last().map(|(message, _)| message.block);
            let whole = list.partition_point(|(message, _)| Some(message.block) != block);
            if whole == 0 {
                return Err(StepError::Operator("a block has more messages than fit into a chunk".into()));
            }
            list.truncate(whole);
        }
        match following.execute(stack, &list, rng) {
            Ok(lines) => {
                if !lines.is_empty() {
                    effects.push(Effect::Lines(lines));
                }
                chunks.pop_front();
                self.go_on(chunks);
                Ok(())
            }
            Err(ExecuteError::CodeMissing(upload)) => {
                self.needed_code = Some(upload);
                self.go_on(chunks);
                Ok(())
            }
            Err(ExecuteError::Host(failure)) => Err(failure.into()),
            Err(ExecuteError::State(fault)) => Err(fault.into()),
            Err(error @ ExecuteError::Revision(_)) => Err(StepError::Operator(error.to_string())),
        }
    }

    fn go_on(&mut self, marks: VecDeque<Verified<LogHead>>) {
        if !marks.is_empty() {
            self.catchup = Some(Catchup::Chunks { marks, held: Held::default() });
        }
    }

    fn report(&mut self, effects: &mut Vec<Effect>) {
        let (Some(chain), Some(following)) = (&self.chain, &mut self.following) else { return };
        let quorum = chain.cluster.as_ref().map_or(1, |cluster| cluster.config.latest().quorum);
        match following.report(chain.reported.as_ref(), chain.at.number(), quorum) {
            Ok(Some(report)) => effects.push(self.signed(report)),
            Ok(None) => {}
            Err(diverged) => {
                effects.push(Effect::Note(diverged.to_string()));
                // where one word suffices nobody else will say that it is not true: the chain then stops, and governance decides
                let block = chain.at.number();
                let ours = chain.reported.as_ref().and_then(|reported| following.contradiction(reported));
                if let (1, true, Some(report)) = (quorum, self.contradicting.due(block, PATIENCE_BLOCKS), ours) {
                    self.contradicting = Asked(Some(block));
                    effects.push(self.signed(report));
                }
            }
        }
    }

    fn signed(&self, report: ReportV1) -> Effect {
        let report = Report::V1(report);
        let signature = self.boot.sign(&report.digest(self.client.genesis()));
        Effect::Submit(Box::new(Submission::Report { report, worker: self.id, signature }))
    }

    /// Takes back what was published, if this boot is no live member any more, or its state is not the cluster's.
    fn retract(&mut self, effects: &mut Vec<Effect>) {
        let diverged = self.following.as_ref().is_some_and(Following::has_diverged);
        if self.published && (diverged || self.phase != Phase::Following) {
            self.published = false;
            effects.push(Effect::Retract);
        }
    }

    /// Publishes what has been reached, if it is all that the chain knows of.
    fn publish(&mut self, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let (Some(chain), Some(following)) = (&self.chain, &mut self.following) else { return Ok(()) };
        let (Some(cluster), Some(entry)) = (&chain.cluster, chain.entry(&self.id)) else { return Ok(()) };
        let reached = chain.head.is_some_and(|head| *head == following.position());
        if self.phase != Phase::Following || !reached || following.has_diverged() {
            return Ok(());
        }
        let Some((config, tree)) = following.state()? else { return Ok(()) };
        self.published = true;
        effects.push(Effect::Publish(Arc::new(View {
            cluster: following.cluster().clone(),
            config,
            status: cluster.status,
            owner: cluster.owner,
            block: chain.at.number(),
            block_hash: *chain.at.hash(),
            time_ms: chain.time_ms,
            head: following.position(),
            tree,
            worker: self.id,
            boot_count: entry.boot_count,
            assurance: entry.claims.assurance,
        })));
        Ok(())
    }
}

fn survey(mut survey: Survey, page: &Page) -> Result<Catchup, StepError> {
    survey.page(page.before, &page.bodies)?;
    if survey.missing() > 0 {
        return Ok(Catchup::Survey(Box::new(survey)));
    }
    Ok(Catchup::Chunks { marks: survey.finish()?.into(), held: Held::default() })
}

fn sealed_keys(
    platform: &SealKey,
    keys: &ClusterKeys,
    cluster: ClusterId,
    block: u32,
    rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
) -> Commit {
    let sealed = seal_cluster_keys(platform, keys, cluster, block, rng);
    Commit { records: vec![(Table::Keys, Vec::new(), Some(sealed))], ..Commit::default() }
}
