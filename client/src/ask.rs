//! Asking a worker, and believing its answer only if the chain does.

use std::time::Duration;

use codec::{Decode, Encode};
use phala_crypto::{ClientSession, SessionKey, verify_boot};
use phala_extrinsics::{Network, Signer};
use phala_primitives::{
    AccountId, ClusterId, Hash256, Wire, WorkerId,
    cluster::Members,
    query::{
        AccountSignature, Answer, AnswerV1, Ask, Certificate, CertificateV1, Query, QueryAnswer, QueryV1,
        SignatureBytes, SignedAnswer, SignedCertificate,
    },
    storage_key,
    worker::{WorkerEntry, WorkerEntryV1},
};
use rand_core::OsRng;

use crate::{
    Failure, Node, Result,
    answer::{AnswerFile, Question, Shown, check},
};

/// For how many blocks a session's certificate holds.
const CERTIFICATE_BLOCKS: u32 = 1_000;
/// How many blocks an answer may lie behind the finalised head.
const MAX_AGE: u32 = 60;
/// How often an answer that will be right in a moment is waited for.
const PATIENCE: u32 = 40;
const PAUSE: Duration = Duration::from_millis(500);

/// A session with a worker of a cluster.
pub struct Asker {
    cluster: ClusterId,
    worker: WorkerId,
    boot: WorkerEntryV1,
    endpoint: String,
    session: ClientSession,
    key: Option<SessionKey>,
    next: u64,
}

/// An answer that has been checked against the chain.
pub struct Checked {
    /// What the worker signed.
    pub signed: SignedAnswer,
    /// What shows it to others.
    pub file: AnswerFile,
}

impl Checked {
    /// The answer.
    pub fn answer(&self) -> &AnswerV1 {
        self.signed.answer.latest()
    }
}

impl Asker {
    /// Opens a session with a live worker of the cluster, with this one if one is named; as this account if one is given.
    pub async fn open(
        node: &mut Node,
        cluster: ClusterId,
        only: Option<WorkerId>,
        signer: Option<&Signer>,
    ) -> Result<Self> {
        let head = node.sync().await?;
        let members: Members = node.get(storage_key::members(cluster)).await?.ok_or_else(|| {
            Failure::operator(format!("cluster {cluster} has no workers: `phala cluster show {cluster}`"))
        })?;
        let mut last = Failure::operator(format!("no worker of cluster {cluster} says where it is reached"));
        if let Some(worker) = only.filter(|only| !members.contains(only)) {
            return Err(Failure::user(format!(
                "worker {worker} is no member of cluster {cluster}: `phala cluster show {cluster}` lists its members"
            )));
        }
        for worker in members {
            if only.is_some_and(|only| only != worker) {
                continue;
            }
            let Some(WorkerEntry::V1(boot)) = node.get(storage_key::worker(worker)).await? else { continue };
            let Some(endpoint) = boot.endpoint.as_ref().and_then(|url| String::from_utf8(url.to_vec()).ok()) else {
                continue;
            };
            match Self::with(node.light().genesis(), head.number(), cluster, worker, boot, endpoint, signer).await {
                Ok(asker) => return Ok(asker),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn with(
        genesis: &Hash256,
        height: u32,
        cluster: ClusterId,
        worker: WorkerId,
        boot: WorkerEntryV1,
        endpoint: String,
        signer: Option<&Signer>,
    ) -> Result<Self> {
        let key = signer.map(|_| SessionKey::generate(&mut OsRng));
        let certificate = signer.zip(key.as_ref()).map(|(signer, key)| {
            let certificate = Certificate::V1(CertificateV1 {
                cluster,
                contract: None,
                session_key: key.public(),
                expires: height.saturating_add(CERTIFICATE_BLOCKS),
            });
            let bytes = SignatureBytes::Sr25519(signer.sign(&certificate.digest(genesis)));
            let signature = AccountSignature { wrapped: false, bytes };
            SignedCertificate { certificate, account: AccountId(signer.account().0), signature }
        });
        let (session, request) =
            ClientSession::open(genesis, cluster, &boot.boot_sign, &boot.boot_kem, certificate.as_ref(), &mut OsRng)
                .map_err(|error| Failure::operator(format!("worker {worker}: {error}")))?;
        post(&endpoint, "/v1/session", request.encode()).await?;
        Ok(Self { cluster, worker, boot, endpoint, session, key, next: 0 })
    }

    /// The worker that is asked.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Asks, and checks the answer.
    pub async fn ask(&mut self, node: &mut Node, network: &Network, ask: Ask) -> Result<Checked> {
        let genesis = *node.light().genesis();
        let sequence = self.next;
        self.next = sequence.saturating_add(1);
        let digest = ask.digest(&genesis, &self.session.id(), sequence);
        let signature = self.key.as_ref().map(|key| key.sign(&digest));
        let query = Query::V1(QueryV1 { ask: ask.clone(), signature });
        let request = self.session.seal_query(sequence, &query);
        let body = post(&self.endpoint, "/v1/query", request.encode()).await?;
        let answer = QueryAnswer::from_wire(&body).map_err(|error| Failure::untrue(format!("the answer: {error}")))?;
        let signed = self.session.open_answer(sequence, &answer).map_err(|_| {
            Failure::untrue("the answer was not sealed by the worker that was asked: something is between you and it")
        })?;
        let question = Question { ask, session: self.session.id(), sequence };
        self.check(node, network, question, signed).await
    }

    async fn check(
        &self,
        node: &mut Node,
        network: &Network,
        question: Question,
        signed: SignedAnswer,
    ) -> Result<Checked> {
        let genesis = *node.light().genesis();
        let Answer::V1(answer) = &signed.answer;
        verify_boot(&self.boot.boot_sign, &signed.answer.digest(&genesis), &signed.signature)
            .map_err(|_| Failure::untrue("the answer is not signed by the boot that the chain has admitted"))?;
        if answer.worker != self.worker || answer.cluster != self.cluster || answer.request != question.digest(&genesis)
        {
            return Err(Failure::untrue("the answer is to another question"));
        }
        // a worker may know of a block before this node does
        for _ in 0..PATIENCE {
            if node.sync().await?.number() >= answer.block {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let head = node.light().finalized().copied().ok_or_else(|| Failure::retry("nothing is finalised"))?;
        if head.number() < answer.block {
            return Err(Failure::untrue(format!("the answer is about block {}, which is not final", answer.block)));
        }
        if head.number().saturating_sub(answer.block) > MAX_AGE {
            return Err(Failure::retry(format!(
                "the answer is about block {}, long before {}",
                answer.block,
                head.number()
            )));
        }
        let mut keys = proof_keys(self.cluster, self.worker, question.ask.contract(), answer.block);
        let entry = node.get::<WorkerEntry>(storage_key::worker(self.worker)).await?;
        let Some(WorkerEntry::V1(entry)) = entry else {
            return Err(Failure::untrue("the worker is no longer registered"));
        };
        if entry.boot_sign != self.boot.boot_sign {
            return Err(Failure::retry("the worker has restarted since: ask again"));
        }
        keys.push(storage_key::block_hash(entry.evidence_block));
        let proven = node.read(&keys).await?;
        let evidence = node.evidence(&entry.evidence).await?;
        let shown = Shown { question: &question, signed: &signed, nodes: &proven.nodes, evidence: &evidence };
        check(node.light(), network, &shown, &mut |_, _| ())?;
        let file = AnswerFile::new(network, &question, &signed, node.proofs(), &proven.nodes, &evidence);
        Ok(Checked { signed, file })
    }
}

/// What is read to check an answer, now or later.
pub fn proof_keys(
    cluster: ClusterId,
    worker: WorkerId,
    contract: Option<phala_primitives::ContractId>,
    block: u32,
) -> Vec<Vec<u8>> {
    let mut keys = vec![
        storage_key::timestamp_now(),
        storage_key::block_hash(0),
        storage_key::block_hash(block),
        storage_key::worker(worker),
        storage_key::members(cluster),
        storage_key::log_head(cluster),
    ];
    keys.extend(contract.map(storage_key::contract));
    keys
}

/// An exchange with a worker's HTTP API.
async fn post(endpoint: &str, path: &str, body: Vec<u8>) -> Result<Vec<u8>> {
    let url = format!("{}{path}", endpoint.trim_end_matches('/'));
    let exchange = move || -> Result<Vec<u8>> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build();
        let sent = ureq::Agent::new_with_config(config)
            .post(&url)
            .header("content-type", "application/octet-stream")
            .send(&body);
        let mut response =
            sent.map_err(|error| Failure::retry(format!("the worker at {url} cannot be reached: {error}")))?;
        let limit = u64::try_from(phala_primitives::query::MAX_ANSWER).unwrap_or(u64::MAX);
        let bytes = response.body_mut().with_config().limit(limit).read_to_vec();
        let bytes = bytes.map_err(|error| Failure::retry(format!("the worker at {url}: {error}")))?;
        if response.status().is_success() { Ok(bytes) } else { Err(refusal(&url, &bytes)) }
    };
    tokio::task::spawn_blocking(exchange).await.map_err(Failure::retry)?
}

/// What the worker's JSON says.
fn refusal(url: &str, body: &[u8]) -> Failure {
    #[derive(serde::Deserialize)]
    struct Said {
        code: String,
        class: String,
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { code, class, message }) => {
            let text = format!("the worker refused: {message} ({code})");
            match class.as_str() {
                "user" => Failure::user(text),
                "operator" => Failure::operator(text),
                _ => Failure::retry(text),
            }
        }
        Err(_) => Failure::retry(format!("{url} does not answer as a worker does")),
    }
}

/// Decodes what a worker answers about itself.
pub fn decode<T: Decode>(bytes: &[u8]) -> Result<T> {
    T::decode(&mut &*bytes).map_err(|_| Failure::untrue("the worker's answer cannot be read"))
}
