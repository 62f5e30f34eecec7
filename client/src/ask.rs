//! Asking a worker, and believing its answer only if the chain does.

use std::time::Duration;

use codec::{Decode, Encode};
use phala_crypto::{ClientSession, SessionKey, verify_boot};
use phala_extrinsics::{Network, Signer};
use phala_primitives::{
    AccountId, ClusterId, Hash256, LogHead, Wire, WorkerId,
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
    Because as _, Demands, Failure, Fault, Node, Result,
    answer::{AnswerFile, Question, Shown, block_of, check, head_keys, known_block, state_keys},
    request::{self, RequestId},
};

/// For how many blocks a session's certificate holds.
const CERTIFICATE_BLOCKS: u32 = 1_000;
/// How often a worker that lags behind is asked again. Each time the contract runs once more, with all that it fetches.
const REASKS: u32 = 10;
/// How often a node that lags behind is asked again.
const PATIENCE: u32 = 40;
/// Between one try and the next; before the nth time that a worker is asked again, n times as long.
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
    /// The log index that the chain was proven to have. What an answer leaves out of it was kept from the worker.
    known: u64,
    demands: Demands,
}

/// A request as it is sent, with what its answer is checked against.
pub struct Sealed {
    /// What is asked.
    pub question: Question,
    /// The bytes for `POST /v1/query`.
    pub body: Vec<u8>,
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
        Self::demanding(node, cluster, only, signer, Demands::default()).await
    }

    /// The same for a caller who demands more than that answers are true. Workers that cannot give it are passed over.
    pub async fn demanding(
        node: &mut Node,
        cluster: ClusterId,
        only: Option<WorkerId>,
        signer: Option<&Signer>,
        demands: Demands,
    ) -> Result<Self> {
        let head = node.sync().await?;
        let members: Members = node.get(storage_key::members(cluster)).await?.ok_or_else(|| {
            Fault::NoWorkers.because(format!("cluster {cluster} has no workers: `phala cluster show {cluster}`"))
        })?;
        let log: Option<LogHead> = node.get(storage_key::log_head(cluster)).await?;
        let known = log.map_or(0, |log| log.next_index);
        let mut last = Fault::NoWorkers.because(format!("no worker of cluster {cluster} says where it is reached"));
        if let Some(worker) = only.filter(|only| !members.contains(only)) {
            return Err(Fault::NoSuchWorker.because(format!(
                "worker {worker} is no member of cluster {cluster}: `phala cluster show {cluster}` lists its members"
            )));
        }
        for worker in members {
            if only.is_some_and(|only| only != worker) {
                continue;
            }
            let Some(WorkerEntry::V1(boot)) = node.get(storage_key::worker(worker)).await? else { continue };
            if let Err(failure) = demands.assured(worker, boot.claims.assurance) {
                last = failure;
                continue;
            }
            let Some(endpoint) = boot.endpoint.as_ref().and_then(|url| String::from_utf8(url.to_vec()).ok()) else {
                continue;
            };
            match Self::with(node.light().genesis(), head.number(), cluster, worker, boot, endpoint, signer).await {
                Ok(asker) => return Ok(Self { known, demands, ..asker }),
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
        Ok(Self { cluster, worker, boot, endpoint, session, key, next: 0, known: 0, demands: Demands::default() })
    }

    /// The worker that is asked.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Where it is reached.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks, and checks the answer.
    pub async fn ask(&mut self, node: &mut Node, network: &Network, ask: Ask) -> Result<Checked> {
        let genesis = *node.light().genesis();
        let mut behind = 0;
        for tried in 0..=REASKS {
            // it takes a moment until news reach a worker
            tokio::time::sleep(PAUSE.saturating_mul(tried)).await;
            let Sealed { question, body } = self.seal(&genesis, ask.clone());
            let body = post(&self.endpoint, "/v1/query", body).await?;
            let signed = self.opened(&genesis, &question, &body)?;
            behind = self.known.saturating_sub(signed.answer.latest().log_index);
            if behind == 0 {
                return self.check(node, network, question, signed).await;
            }
        }
        Err(Fault::WorkerBehind.because(format!(
            "worker {} is {behind} messages behind what the chain is proven to have: it is kept from them, or overloaded; ask \
             another one (`phala contract query --worker`)",
            self.worker
        )))
    }

    /// Seals the next request.
    pub fn seal(&mut self, genesis: &Hash256, ask: Ask) -> Sealed {
        let sequence = self.next;
        self.next = sequence.saturating_add(1);
        let question = Question { ask, session: self.session.id(), sequence };
        let signature = self.key.as_ref().map(|key| key.sign(&question.digest(genesis)));
        let query = Query::V1(QueryV1 { ask: question.ask.clone(), signature });
        Sealed { body: self.session.seal_query(sequence, &query).encode(), question }
    }

    /// Opens the answer to a request: sealed for this session, signed by the boot that was asked, about this question. Whether it
    /// is what the chain says is still to be checked.
    pub fn opened(&self, genesis: &Hash256, question: &Question, body: &[u8]) -> Result<SignedAnswer> {
        let answer = QueryAnswer::from_wire(body).map_err(|error| untrue(format!("the answer: {error}")))?;
        let signed = self.session.open_answer(question.sequence, &answer).map_err(|_| {
            untrue("the answer was not sealed by the worker that was asked: something is between you and it")
        })?;
        verify_boot(&self.boot.boot_sign, &signed.answer.digest(genesis), &signed.signature)
            .map_err(|_| untrue("the answer is not signed by the boot that the chain has admitted"))?;
        let Answer::V1(answer) = &signed.answer;
        if answer.worker != self.worker || answer.cluster != self.cluster || answer.request != question.digest(genesis)
        {
            return Err(untrue("the answer is to another question"));
        }
        Ok(signed)
    }

    async fn check(
        &mut self,
        node: &mut Node,
        network: &Network,
        question: Question,
        signed: SignedAnswer,
    ) -> Result<Checked> {
        let Answer::V1(answer) = &signed.answer;
        // a worker may know of a block before this node does
        let mut newest = node.sync().await?.number();
        for _ in 0..PATIENCE {
            if newest >= answer.block {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            newest = node.sync().await?.number();
        }
        if newest < answer.block {
            return Err(Failure::retry(format!(
                "the answer is about block {}, and the newest block that the node shows to be final is {newest}: the node is behind, or \
                 the worker ahead of the truth; ask another node",
                answer.block
            )));
        }
        self.demands.recent(answer.block, newest)?;

        // the newest state shows that the answer's block is one of the chain, and the state of that block all the rest
        let head = node.read(&head_keys(answer.block)).await?;
        known_block(&head.read, answer)?;
        let header = node.header(&answer.block_hash).await?;
        let block = block_of(&head.read, answer, &header)?;
        let mut keys = state_keys(self.cluster, self.worker, question.ask.contract());
        keys.push(storage_key::block_hash(self.boot.evidence_block));
        let state = node.read_at(&block, &keys).await?;
        let evidence = node.evidence(&self.boot.evidence).await?;
        let shown = Shown {
            question: &question,
            signed: &signed,
            header: &header,
            head: &head.nodes,
            state: &state.nodes,
            evidence: &evidence,
        };
        check(node.light(), network, &shown, &mut |_, _| ())?;
        self.demands.assured(self.worker, answer.assurance)?;
        self.known = self.known.max(answer.log_index);
        let file = AnswerFile::new(network, node.proofs(), &shown);
        Ok(Checked { signed, file })
    }
}

fn untrue(what: impl ToString) -> Failure {
    Fault::AnswerUntrue.because(what)
}

/// An exchange with a worker's HTTP API.
async fn post(endpoint: &str, path: &str, body: Vec<u8>) -> Result<Vec<u8>> {
    let url = format!("{}{path}", endpoint.trim_end_matches('/'));
    let id = RequestId::current();
    let exchange = move || -> Result<Vec<u8>> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build();
        let sent = ureq::Agent::new_with_config(config)
            .post(&url)
            .header("content-type", "application/octet-stream")
            .header(request::HEADER, id.to_string())
            .send(&body);
        let unreachable = |text: String| Fault::WorkerUnreachable.because(text);
        let mut response =
            sent.map_err(|error| unreachable(format!("the worker at {url} cannot be reached: {error}")))?;
        let limit = u64::try_from(phala_primitives::query::MAX_ANSWER).unwrap_or(u64::MAX);
        let bytes = response.body_mut().with_config().limit(limit).read_to_vec();
        let bytes = bytes.map_err(|error| unreachable(format!("the worker at {url}: {error}")))?;
        if response.status().is_success() { Ok(bytes) } else { Err(refusal(&url, &bytes, id)) }
    };
    tokio::task::spawn_blocking(exchange).await.map_err(Failure::retry)?
}

/// What the worker's JSON says.
fn refusal(url: &str, body: &[u8], id: RequestId) -> Failure {
    #[derive(serde::Deserialize)]
    struct Said {
        code: String,
        class: String,
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { code, class, message }) => {
            Failure::refused(&code, &class, format!("the worker refused: {message}"), id)
        }
        Err(_) => Fault::WorkerFailed.because(format!("{url} does not answer as a worker does")),
    }
}

/// Decodes what a worker answers about itself.
pub fn decode<T: Decode>(bytes: &[u8]) -> Result<T> {
    T::decode(&mut &*bytes).map_err(|_| untrue("the worker's answer cannot be read"))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{SocketAddr, TcpListener},
        thread::JoinHandle,
    };

    use super::*;
    use crate::Class;

    #[test]
    fn what_a_worker_says_to_do_is_what_the_exit_code_says() {
        for (class, code) in [("user", 2), ("retry", 3), ("operator", 4), ("bug", 5), ("another", 3)] {
            let body = serde_json::json!({ "code": "PHALA-2000", "class": class, "message": "why" }).to_string();
            let failure = refusal("http://worker/v1/query", body.as_bytes(), RequestId::random());
            assert_eq!(failure.class.exit_code(), code, "{class}");
            assert_eq!(failure.code.to_string(), "PHALA-2000");
            assert_eq!(failure.message, "the worker refused: why");
        }
        let failure = refusal("http://worker/v1/query", b"<html>", RequestId::random());
        assert_eq!((failure.class, failure.code), (Class::Retry, Fault::WorkerFailed.code()));
        // it is not known that a worker has its id in a log
        assert_eq!(failure.request, None);
    }

    /// Answers one request with this; gives what was asked.
    fn worker(status: &str, body: &str) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut bytes = [0; 1024];
            while !asked.ends_with(b"question") {
                let read = stream.read(&mut bytes).unwrap();
                assert!(read > 0, "the client has gone: {}", String::from_utf8_lossy(&asked));
                asked.extend_from_slice(&bytes[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap().to_lowercase()
        });
        (address, serving)
    }

    #[tokio::test]
    async fn a_worker_is_told_the_request_and_its_refusal_names_it() {
        let id = RequestId::random();
        let refused = r#"{"code":"PHALA-2012","class":"operator","message":"the cluster is frozen"}"#;
        for (status, body, expected) in [("200 OK", "answer", None), ("409 Conflict", refused, Some("PHALA-2012"))] {
            let (address, serving) = worker(status, body);
            let endpoint = format!("http://{address}/");
            let answered = id.carry(post(&endpoint, "/v1/query", b"question".to_vec())).await;
            let asked = serving.join().unwrap();
            assert!(asked.starts_with("post /v1/query http/1.1\r\n"), "{asked}");
            assert!(asked.contains(&format!("\r\nx-request-id: {id}\r\n")), "{asked}");
            match (answered, expected) {
                (Ok(bytes), None) => assert_eq!(bytes, body.as_bytes()),
                (Err(failure), Some(code)) => {
                    assert_eq!((failure.code.to_string().as_str(), failure.class), (code, Class::Operator));
                    assert_eq!(failure.request, Some(id));
                }
                (answered, _) => panic!("{status}: {answered:?}"),
            }
        }
    }

    #[tokio::test]
    async fn who_is_not_there_has_no_log() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let failure = post(&format!("http://{gone}"), "/v1/query", Vec::new()).await.unwrap_err();
        assert_eq!((failure.code, failure.request), (Fault::WorkerUnreachable.code(), None), "{failure}");
    }
}
