//! Answering: sessions, queries, receipts, logs, and the hand-over of keys to peers. Shared by all threads of the daemon.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use codec::Encode;
use phala_crypto::{
    BootIdentity, CertificateError, VerifiedCertificate, WorkerSession, seal_keys, verify_ask, verify_certificate,
};
use phala_primitives::{
    AccountId, CodeHash, ContractId, Hash256, Wire, WireError, WorkerId,
    cluster::ClusterStatus,
    handover::HandoverRequest,
    query::{
        Answer, AnswerOutcome, AnswerV1, Ask, LogLine, Query, QueryRequest, ReceiptView, SessionRequest, SignedAnswer,
    },
    worker::WorkerEntryV1,
};
use phat_engine::{Caller, Entry, Finished, HostFailure, Level, Outcome, Stack};

use crate::{
    cluster::engine_limits,
    execute::described,
    following,
    host::{CallContext, CallHost, Line, QueryContext},
    overlay::Overlay,
    record::{ContractRecord, UploadRecord, contract_key, upload_key},
    sessions::{Session, Sessions},
    tree::StateFault,
    view::View,
};

/// Sessions at a time.
const SESSIONS: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
/// Lines kept for each contract.
const LINES: usize = 1_000;
/// Contracts whose lines are kept.
const LOGS: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();
/// Lines of one answer.
const LINES_AT_ONCE: u32 = 256;
/// Gas of a brief run: a quarter of a millisecond. It must not suffice for an HTTP exchange.
const BRIEF_GAS: u64 = phat_engine::FETCH_GAS / 2;

/// Why there is no answer. Nothing was executed, unless it says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The worker does not follow its cluster yet. Try again later, or ask another one.
    #[error("the worker is not ready: it has no state to answer from yet")]
    NotReady,
    /// The chain has messages that the worker has not executed yet. Try again in a moment.
    #[error("the worker is catching up: {missing} messages of the log are still to be executed")]
    CatchingUp {
        /// How many.
        missing: u64,
    },
    /// The cluster's members disagree; no answer can be trusted.
    #[error("the cluster is frozen: its members have reported different states")]
    Frozen,
    /// The bytes are no request.
    #[error("the request cannot be read: {0}")]
    Wire(#[from] WireError),
    /// The request is for another cluster.
    #[error("this worker does not serve that cluster")]
    OtherCluster,
    /// The session's opening does not decrypt: it was sealed to another boot. Fetch the worker's keys from the chain again.
    #[error("the session was opened to other keys: the worker has restarted since")]
    OtherBoot,
    /// There is no such session; it may have made room for others. Open a new one.
    #[error("no such session: open a new one")]
    UnknownSession,
    /// The request does not decrypt.
    #[error("the request does not decrypt")]
    Undecryptable,
    /// Its sequence number was used before, or is too old.
    #[error("the request was sent before, or is too late: {0}")]
    Replayed(String),
    /// The certificate does not stand for what is asked.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// A session with a certificate needs its key's signature on every request.
    #[error("the request is not signed by the session's key")]
    Unsigned,
    /// Who asks for keys is no live member of the cluster, by what this worker has proven.
    #[error("the asker is no live member of the cluster, as of block {block}")]
    NotMember {
        /// The block.
        block: u32,
    },
    /// The host failed while the query ran. Try again.
    #[error("the worker failed: {0}")]
    Host(String),
}

impl From<HostFailure> for QueryError {
    fn from(failure: HostFailure) -> Self {
        Self::Host(failure.to_string())
    }
}

impl From<StateFault> for QueryError {
    fn from(fault: StateFault) -> Self {
        Self::Host(fault.to_string())
    }
}

/// The time that a query has.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// In ticks of the engine, see [`phat_engine::Engine::tick`].
    pub ticks: u64,
    /// By the host's clock, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// How much answering may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    Brief,
    Full,
}

/// A request that has passed all checks and is still to be answered. Its sequence number is used up.
pub struct Accepted {
    session: Arc<Session>,
    sequence: u64,
    ask: Ask,
    digest: Hash256,
    caller: Option<AccountId>,
}

/// What a contract is asked.
struct Question<'a> {
    contract: ContractId,
    input: &'a [u8],
    caller: Option<AccountId>,
    deadline: Deadline,
    effort: Effort,
}

/// The cluster's live members, as of the newest block that is proven.
#[derive(Clone, Default)]
pub struct Members {
    /// The block.
    pub block: u32,
    /// The boots that the registry names.
    pub entries: Arc<BTreeMap<WorkerId, WorkerEntryV1>>,
}

#[derive(Default)]
struct Logs {
    lines: HashMap<ContractId, VecDeque<LogLine>>,
    next: u64,
}

/// See the [module's documentation](self).
pub struct Queries {
    genesis: Hash256,
    boot: Arc<BootIdentity>,
    /// Gas that a query may use at most.
    gas: u64,
    view: RwLock<Option<Arc<View>>>,
    /// The log index that the chain is known to have.
    known: RwLock<u64>,
    members: RwLock<Members>,
    sessions: Sessions,
    logs: Mutex<Logs>,
}

impl Queries {
    /// Answers with this boot's keys.
    pub fn new(genesis: Hash256, boot: Arc<BootIdentity>, gas: u64) -> Self {
        Self {
            genesis,
            boot,
            gas,
            view: RwLock::default(),
            known: RwLock::default(),
            members: RwLock::default(),
            sessions: Sessions::new(SESSIONS),
            logs: Mutex::default(),
        }
    }

    /// Answers from this view from here on.
    pub fn publish(&self, view: Arc<View>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = view.log_index();
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }

    /// Hands keys to these from here on, and to nobody else.
    pub fn admit(&self, members: Members) {
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = members;
    }

    /// Answers nothing, and hands no keys over, until there is another view.
    pub fn retract(&self) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Answers nothing until a view has this log index.
    pub fn withhold(&self, next_index: u64) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = next_index;
    }

    /// The view that is answered from.
    pub fn view(&self) -> Option<Arc<View>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sessions that are open.
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    /// Keeps lines for their contracts' owners.
    pub fn note_lines(&self, lines: Vec<(u32, Line)>, now_ms: u64) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        for (block, Line { contract, level, text }) in lines {
            if logs.lines.len() >= LOGS.get() && !logs.lines.contains_key(&contract) {
                continue;
            }
            let number = logs.next;
            logs.next = number.saturating_add(1);
            let kept = logs.lines.entry(contract).or_default();
            if kept.len() >= LINES {
                kept.pop_front();
            }
            kept.push_back(LogLine { number, time_ms: now_ms, block, level: level_name(level).into(), text });
        }
    }

    /// Opens a session.
    pub fn open_session(&self, body: &[u8]) -> Result<(), QueryError> {
        let view = self.ready()?;
        let SessionRequest::V1(request) = SessionRequest::from_wire(body)?;
        if request.cluster != view.cluster.id {
            return Err(QueryError::OtherCluster);
        }
        let (keys, signed) =
            WorkerSession::accept(&self.genesis, &self.boot, &request).map_err(|_| QueryError::OtherBoot)?;
        let certificate = match signed {
            Some(signed) => {
                let certificate = verify_certificate(&self.genesis, &signed)?;
                certificate.covers(view.cluster.id, certificate.contract(), view.block)?;
                Some(certificate)
            }
            None => None,
        };
        self.sessions.insert(keys, certificate);
        Ok(())
    }

    /// Answers a sealed request. `nonce` is fresh randomness.
    pub fn query(
        &self,
        stack: &Stack,
        body: &[u8],
        deadline: Deadline,
        nonce: [u8; 32],
    ) -> Result<Vec<u8>, QueryError> {
        self.answer(stack, &self.accept(body)?, deadline, nonce)
    }

    /// Checks everything about a sealed request that can be checked without running a contract, and counts it as sent.
    pub fn accept(&self, body: &[u8]) -> Result<Accepted, QueryError> {
        let view = self.ready()?;
        let QueryRequest::V1(request) = QueryRequest::from_wire(body)?;
        let session = self.sessions.get(&request.session).ok_or(QueryError::UnknownSession)?;
        let Query::V1(query) = session.keys.open_query(&request).map_err(|_| QueryError::Undecryptable)?;
        let digest = query.ask.digest(&self.genesis, &request.session, request.sequence);
        let caller = permitted(&session, &view, &query.ask, &digest, query.signature)?;
        // only now: a forged request must not use up the number of a true one
        session.accept(request.sequence).map_err(|error| QueryError::Replayed(error.to_string()))?;
        Ok(Accepted { session, sequence: request.sequence, ask: query.ask, digest, caller })
    }

    /// Answers an accepted request. `nonce` is fresh randomness.
    pub fn answer(
        &self,
        stack: &Stack,
        accepted: &Accepted,
        deadline: Deadline,
        nonce: [u8; 32],
    ) -> Result<Vec<u8>, QueryError> {
        let answer = self.answer_within(stack, accepted, deadline, Effort::Full, nonce)?;
        answer.ok_or_else(|| QueryError::Host("a full run was given up as a brief one".into()))
    }

    /// Answers an accepted request if that takes a fraction of a millisecond and waits for nothing: no HTTP, no other contract, no
    /// compilation. If it takes more there is no answer and no trace of the attempt: [`Queries::answer`] has still to be called.
    pub fn answer_briefly(
        &self,
        stack: &Stack,
        accepted: &Accepted,
        deadline: Deadline,
        nonce: [u8; 32],
    ) -> Result<Option<Vec<u8>>, QueryError> {
        self.answer_within(stack, accepted, deadline, Effort::Brief, nonce)
    }

    fn answer_within(
        &self,
        stack: &Stack,
        accepted: &Accepted,
        deadline: Deadline,
        effort: Effort,
        nonce: [u8; 32],
    ) -> Result<Option<Vec<u8>>, QueryError> {
        let view = self.ready()?;
        let Accepted { session, sequence, ask, digest, caller } = accepted;
        let (outcome, code) = match ask {
            Ask::Contract { contract, input } => {
                let question = Question { contract: *contract, input, caller: *caller, deadline, effort };
                match self.ask(stack, &view, &question)? {
                    Some(answered) => answered,
                    None => return Ok(None),
                }
            }
            Ask::Receipt { index } => {
                let scope = session.certificate.as_ref().and_then(VerifiedCertificate::contract);
                (self.receipt(&view, *index, *caller, scope)?, None)
            }
            Ask::Logs { contract, from, limit } => (self.read_logs(&view, *contract, *from, *limit, *caller)?, None),
        };
        let answer = Answer::V1(AnswerV1 {
            request: *digest,
            cluster: view.cluster.id,
            worker: view.worker,
            boot_count: view.boot_count,
            assurance: view.assurance,
            block: view.block,
            block_hash: view.block_hash,
            log_index: view.head.next_index,
            state_root: view.tree.root(),
            code,
            outcome,
        });
        let signature = self.boot.sign(&answer.digest(&self.genesis));
        Ok(Some(session.keys.seal_answer(*sequence, &SignedAnswer { answer, signature }, nonce).encode()))
    }

    /// Whether queries are answered, and if not, why.
    pub fn readiness(&self) -> Result<(), QueryError> {
        self.ready().map(drop)
    }

    fn ready(&self) -> Result<Arc<View>, QueryError> {
        let view = self.view().ok_or(QueryError::NotReady)?;
        if view.status == ClusterStatus::Frozen {
            return Err(QueryError::Frozen);
        }
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.checked_sub(view.log_index()) {
            None | Some(0) => Ok(view),
            Some(missing) => Err(QueryError::CatchingUp { missing }),
        }
    }

    fn ask(
        &self,
        stack: &Stack,
        view: &Arc<View>,
        question: &Question<'_>,
    ) -> Result<Option<(AnswerOutcome, Option<CodeHash>)>, QueryError> {
        let Question { contract, input, caller, deadline, effort } = *question;
        let Some(record) = record(view, &contract)? else { return Ok(Some((not_found("contract"), None))) };
        let hash = record.code();
        let codes = &view.cluster.codes;
        let upload = view.tree.get(&upload_key(&hash))?;
        let upload = upload.and_then(|bytes| <UploadRecord as codec::Decode>::decode(&mut bytes.as_slice()).ok());
        let upload = upload.ok_or_else(|| QueryError::Host(format!("the code {hash} was not uploaded")))?;
        let verdict = match effort {
            Effort::Brief => match codes.known(&upload, &view.config.limits) {
                Some(verdict) => Some(verdict),
                None => return Ok(None),
            },
            Effort::Full => {
                codes.load(&upload, &**view.tree.snapshot(), &view.config.limits, &view.cluster.tree_keys.seal)?
            }
        };
        let code = match verdict {
            Some(Ok(code)) => code,
            Some(Err(error)) => return Ok(Some((AnswerOutcome::Stopped(error.to_string()), Some(hash)))),
            None => return Err(QueryError::Host(format!("the code {hash} is missing"))),
        };
        let context = CallContext {
            caller: caller.map_or(Caller::Anonymous, |account| Caller::Account(account.0)),
            block: view.block,
            time_ms: view.time_ms,
            value: 0,
            query: Some(QueryContext {
                worker: view.worker,
                assurance: view.assurance,
                deadline_ms: deadline.at_ms,
                brief: effort == Effort::Brief,
            }),
        };
        let state = Overlay::new(view.tree.clone());
        let host = CallHost::new(view.cluster.clone(), view.config.clone(), state, context, (contract, record));
        let entry = Entry::Query { input, ticks: deadline.ticks };
        let limits = engine_limits(&view.config.limits);
        let gas = if effort == Effort::Brief { BRIEF_GAS.min(self.gas) } else { self.gas };
        let (host, finished) = codes.engine().call(stack, &code, entry, gas, limits, host);
        let finish = host.map(|host| host.finish(false));
        if effort == Effort::Brief {
            // whatever may come of having less gas is not an answer
            let whole = matches!(&finished, Ok(Finished { outcome: Outcome::Ok(_) | Outcome::Err(_), .. }));
            if !whole || finish.as_ref().is_none_or(|finish| finish.longer) {
                return Ok(None);
            }
        }
        if let Some(finish) = finish.filter(|finish| !finish.lines.is_empty()) {
            let lines = finish.lines.into_iter().map(|line| (view.block, line)).collect();
            self.note_lines(lines, view.cluster.outside.now_ms());
        }
        let (_, outcome) = described(finished?.outcome);
        Ok(Some((outcome, Some(hash))))
    }

    /// `scope` is the one contract that the caller's certificate is for, if it is for one.
    fn receipt(
        &self,
        view: &View,
        index: u64,
        caller: Option<AccountId>,
        scope: Option<ContractId>,
    ) -> Result<AnswerOutcome, QueryError> {
        let told = following::told(&view.cluster, &view.tree, index).map_err(|e| QueryError::Host(e.to_string()))?;
        let visible = told.filter(|told| {
            let theirs = told.reader == caller && (scope.is_none() || scope == told.contract);
            told.reader.is_none() || theirs
        });
        Ok(match visible {
            Some(told) => {
                let (receipt, outcome, output_blinding) = (told.receipt, told.outcome, told.output_blinding);
                AnswerOutcome::Output(ReceiptView { receipt, outcome, output_blinding }.encode())
            }
            None => not_found("receipt that you may see"),
        })
    }

    fn read_logs(
        &self,
        view: &View,
        contract: ContractId,
        from: u64,
        limit: u32,
        caller: Option<AccountId>,
    ) -> Result<AnswerOutcome, QueryError> {
        let owner = record(view, &contract)?.map(|record| record.owner());
        if owner.is_none() || owner != caller {
            return Ok(not_found("contract of yours"));
        }
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = usize::try_from(limit.min(LINES_AT_ONCE)).unwrap_or(usize::MAX);
        let kept = logs.lines.get(&contract);
        let lines: Vec<&LogLine> = kept.into_iter().flatten().filter(|line| line.number >= from).take(limit).collect();
        Ok(AnswerOutcome::Output(lines.encode()))
    }

    /// Seals the cluster's keys to a member's live boot, by what this worker itself has proven.
    pub fn hand_over(
        &self,
        body: &[u8],
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<Vec<u8>, QueryError> {
        let view = self.view().ok_or(QueryError::NotReady)?;
        let HandoverRequest::V1 { cluster, worker } = HandoverRequest::from_wire(body)?;
        if cluster != view.cluster.id {
            return Err(QueryError::OtherCluster);
        }
        // not the view's: a boot that has gone since it was made must get nothing
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner).clone();
        let entry = members.entries.get(&worker).ok_or(QueryError::NotMember { block: members.block })?;
        let keys = &view.cluster.keys;
        let sealed = seal_keys(keys, &self.genesis, cluster, worker, &entry.boot_sign, &entry.boot_kem, rng)
            .map_err(|error| QueryError::Host(error.to_string()))?;
        Ok(sealed.encode())
    }
}

/// Who stands behind a request, if what it shows suffices for what it asks.
fn permitted(
    session: &Session,
    view: &View,
    ask: &Ask,
    digest: &Hash256,
    signature: Option<[u8; 64]>,
) -> Result<Option<AccountId>, QueryError> {
    let Some(certificate) = &session.certificate else { return Ok(None) };
    certificate.covers(view.cluster.id, ask.contract().or(certificate.contract()), view.block)?;
    let signature = signature.ok_or(QueryError::Unsigned)?;
    verify_ask(certificate, digest, &signature).map_err(|_| QueryError::Unsigned)?;
    Ok(Some(certificate.account()))
}

fn record(view: &View, contract: &ContractId) -> Result<Option<ContractRecord>, QueryError> {
    let bytes = view.tree.get(&contract_key(contract))?;
    let decoded = bytes.map(|bytes| <ContractRecord as codec::Decode>::decode(&mut bytes.as_slice())).transpose();
    decoded.map_err(|_| QueryError::Host("a contract's record does not decode".into()))
}

fn not_found(what: &str) -> AnswerOutcome {
    AnswerOutcome::NotFound(format!("there is no such {what} on this worker"))
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
