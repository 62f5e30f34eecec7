//! Sessions and requests that a worker must not serve, over its HTTP API: each is refused with its own code.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use codec::Encode as _;
use phala_client::Node;
use phala_crypto::{ClientSession, SessionKey};
use phala_e2e::{Counter, Devnet, follows, from_hex32, to_hex, wait_for};
use phala_extrinsics::{Network, Signer};
use phala_primitives::{
    ClusterId, ContractId, Hash256, Wire as _, WorkerId,
    query::{
        AccountSignature, AnswerOutcome, Ask, Certificate, CertificateV1, Query, QueryAnswer, QueryRequest, QueryV1,
        SessionId, SignatureBytes, SignedCertificate,
    },
    storage_key,
    worker::{WorkerEntry, WorkerEntryV1},
};
use rand_core::OsRng;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(90);
const CLUSTER: ClusterId = ClusterId(0);

#[test]
fn foreign_late_and_repeated_requests_are_refused_each_with_its_code() -> Result<()> {
    Devnet::with(|devnet| {
        let scene = Scene::new(devnet)?;
        scene.openings()?;
        scene.requests()?;
        scene.out_of_scope()?;
        scene.codes()?;
        let session = scene.expiring()?;
        scene.restarted(session)
    })
}

/// What a worker has answered.
struct Answered {
    status: u16,
    body: Vec<u8>,
}

impl Answered {
    fn ok(self) -> Result<Vec<u8>> {
        ensure!(self.status == 200, "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        Ok(self.body)
    }

    /// Refused with this status, this code of the API, and these words.
    fn refused(&self, status: u16, code: &str, words: &str) -> Result<()> {
        let said = String::from_utf8_lossy(&self.body);
        let parsed: Value = serde_json::from_slice(&self.body).with_context(|| format!("{}: {said}", self.status))?;
        let named = parsed["code"] == code && parsed["message"].as_str().is_some_and(|text| text.contains(words));
        ensure!(self.status == status && named, "{}: {said}; expected {status} {code} {words}", self.status);
        Ok(())
    }
}

/// A session, and the key that signs its requests.
struct Session {
    session: ClientSession,
    key: SessionKey,
}

struct Scene<'a> {
    devnet: &'a Devnet,
    counter: Counter<'a>,
    contract: ContractId,
    genesis: Hash256,
    /// The worker's first boot, as the chain has admitted it.
    boot: WorkerEntryV1,
    alice: Signer,
    agent: ureq::Agent,
}

impl<'a> Scene<'a> {
    fn new(devnet: &'a Devnet) -> Result<Self> {
        let counter = Counter::deploy(devnet)?;
        let worker = WorkerId(from_hex32(&counter.workers()?.pop().context("a worker")?)?);
        let network = Network::read(&devnet.net().join("network.json"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let entry: Option<WorkerEntry> = runtime.block_on(async {
            let node = Node::connect(&devnet.node_url(), &network).await?;
            node.get(storage_key::worker(worker)).await
        })?;
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30)));
        Ok(Self {
            devnet,
            contract: ContractId(from_hex32(counter.id())?),
            counter,
            genesis: network.genesis(),
            boot: entry.context("a registered worker")?.latest().clone(),
            alice: Signer::from_uri("//Alice")?,
            agent: ureq::Agent::new_with_config(config.http_status_as_error(false).build()),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/v1/{path}", self.devnet.worker_port())
    }

    fn post(&self, path: &str, body: &[u8]) -> Result<Answered> {
        let mut response =
            self.agent.post(&self.url(path)).header("content-type", "application/octet-stream").send(body)?;
        Ok(Answered { status: response.status().as_u16(), body: response.body_mut().read_to_vec()? })
    }

    /// The block at whose state the worker answers.
    fn block(&self) -> Result<u32> {
        let health: Value = self.agent.get(&self.url("health")).call()?.body_mut().read_json()?;
        Ok(u32::try_from(health["block"].as_u64().with_context(|| health.to_string())?)?)
    }

    /// A certificate of Alice that is good for a long time, but for what `change` makes of it.
    fn certificate(&self, key: &SessionKey, change: impl FnOnce(&mut CertificateV1)) -> SignedCertificate {
        let mut certificate =
            CertificateV1 { cluster: CLUSTER, contract: None, session_key: key.public(), expires: 100_000 };
        change(&mut certificate);
        let certificate = Certificate::V1(certificate);
        let bytes = SignatureBytes::Sr25519(self.alice.sign(&certificate.digest(&self.genesis)));
        let signature = AccountSignature { wrapped: false, bytes };
        SignedCertificate { certificate, account: self.alice.account(), signature }
    }

    /// Asks the worker to open a session for a cluster.
    fn open(&self, cluster: ClusterId, certificate: &SignedCertificate) -> Result<(ClientSession, Answered)> {
        let (sign, kem) = (&self.boot.boot_sign, &self.boot.boot_kem);
        let (session, request) = ClientSession::open(&self.genesis, cluster, sign, kem, Some(certificate), &mut OsRng)?;
        Ok((session, self.post("session", &request.encode())?))
    }

    fn session(&self, change: impl FnOnce(&mut CertificateV1)) -> Result<Session> {
        let key = SessionKey::generate(&mut OsRng);
        let (session, answered) = self.open(CLUSTER, &self.certificate(&key, change))?;
        answered.ok()?;
        Ok(Session { session, key })
    }

    /// The counter's value, as a request.
    fn ask(&self) -> Ask {
        let input = json!({ "method": "value", "args": {} }).to_string().into_bytes();
        Ask::Contract { contract: self.contract, input: input.try_into().unwrap_or_default() }
    }

    /// The request with this number, sealed; signed as well, or not.
    fn sealed(&self, Session { session, key }: &Session, sequence: u64, signed: bool) -> Vec<u8> {
        let ask = self.ask();
        let digest = ask.digest(&self.genesis, &session.id(), sequence);
        let signature = signed.then(|| key.sign(&digest));
        session.seal_query(sequence, &Query::V1(QueryV1 { ask, signature })).encode()
    }

    /// Sends a request that must be answered.
    fn answered(&self, session: &Session, sequence: u64) -> Result<()> {
        let body = self.post("query", &self.sealed(session, sequence, true))?.ok()?;
        let signed = session.session.open_answer(sequence, &QueryAnswer::from_wire(&body)?)?;
        let outcome = &signed.answer.latest().outcome;
        ensure!(*outcome == AnswerOutcome::Output(b"0".to_vec()), "{outcome:?}");
        Ok(())
    }

    /// Certificates that stand for nobody here: no session is opened.
    fn openings(&self) -> Result<()> {
        let key = SessionKey::generate(&mut OsRng);
        let stolen =
            SignedCertificate { account: Signer::from_uri("//Bob")?.account(), ..self.certificate(&key, |_| ()) };
        for (certificate, words) in [
            (self.certificate(&key, |certificate| certificate.expires = 1), "it has expired at block 1"),
            (self.certificate(&key, |certificate| certificate.cluster = ClusterId(7)), "it is for another cluster"),
            (stolen, "the account's signature does not verify for this chain"),
        ] {
            self.open(CLUSTER, &certificate)?.1.refused(403, "PHALA-2019", words)?;
        }
        let (_, answered) = self.open(ClusterId(7), &self.certificate(&key, |_| ()))?;
        answered.refused(400, "PHALA-2014", "does not serve that cluster")?;
        self.post("session", b"\x01")?.refused(400, "PHALA-2013", "cannot be read")
    }

    /// Requests that were sent before, that were changed, that nobody has signed, or that are of no session.
    fn requests(&self) -> Result<()> {
        let session = self.session(|_| ())?;
        let body = self.sealed(&session, 0, true);
        self.post("query", &body)?.ok()?;
        for _ in 0..2 {
            self.post("query", &body)?.refused(409, "PHALA-2018", "was sent before")?;
        }
        self.post("query", &self.sealed(&session, 1, false))?.refused(403, "PHALA-2020", "is not signed")?;

        let QueryRequest::V1(mut request) = QueryRequest::from_wire(&self.sealed(&session, 1, true))?;
        let (id, last) = (request.session, request.ciphertext.last_mut().context("a ciphertext")?);
        *last ^= 1;
        self.post("query", &QueryRequest::V1(request.clone()).encode())?.refused(
            400,
            "PHALA-2017",
            "does not decrypt",
        )?;
        request.session = SessionId([7; 16]);
        self.post("query", &QueryRequest::V1(request).encode())?.refused(410, "PHALA-2016", "no such session")?;
        ensure!(id == session.session.id());
        self.post("query", b"\x09")?.refused(400, "PHALA-2013", "cannot be read")?;
        // none of these has used up the number
        self.answered(&session, 1)
    }

    /// A certificate for one contract opens a session, and says nothing to another one.
    fn out_of_scope(&self) -> Result<()> {
        let narrow = self.session(|certificate| certificate.contract = Some(ContractId([7; 32])))?;
        let body = self.sealed(&narrow, 0, true);
        self.post("query", &body)?.refused(403, "PHALA-2019", "it is for another contract")?;
        let right = self.session(|certificate| certificate.contract = Some(self.contract))?;
        self.answered(&right, 0)
    }

    /// The node and the command line answer with rows of the same table.
    fn codes(&self) -> Result<()> {
        let nothing = to_hex([0; 32]);
        for (params, code, class) in [
            (json!([]), "PHALA-1001", "user"),
            (json!([0, nothing, 5, 9, 1]), "PHALA-1002", "user"),
            (json!([0, nothing, 5, 0, 1]), "PHALA-1003", "retry"),
        ] {
            let said = self.devnet.rpc().call("phat_messages", params).err().context("it is refused")?.to_string();
            let class = format!("\"class\":\"{class}\"");
            ensure!(said.contains(code) && said.contains(&class), "{said}, expected {code} {class}");
        }
        let nobody = to_hex([7; 32]);
        let query = ["contract", "query", nobody.as_str(), "value", "--json"];
        let output = self.devnet.phala(Path::new("/"), "//Alice", &query)?;
        let said: Value = serde_json::from_slice(&output.stdout)?;
        let error = &said["error"];
        ensure!(output.status.code() == Some(2), "{said}");
        ensure!(error["code"] == "PHALA-3022" && error["class"] == "user", "{said}");
        ensure!(error.get("requestId").is_none(), "no worker was asked: {said}");
        Ok(())
    }

    /// A session ends with its certificate. Gives one that goes on.
    fn expiring(&self) -> Result<Session> {
        let lasting = self.session(|_| ())?;
        let last = self.block()? + 4;
        let session = self.session(|certificate| certificate.expires = last)?;
        self.answered(&session, 0)?;
        wait_for("the certificate to expire", DEADLINE, || Ok((self.block()? > last).then_some(())))?;
        let words = format!("it has expired at block {last}");
        self.post("query", &self.sealed(&session, 1, true))?.refused(403, "PHALA-2019", &words)?;
        self.answered(&lasting, 0)?;
        Ok(lasting)
    }

    /// The keys of a boot are gone with it: so are its sessions, and nobody can open one to it.
    fn restarted(&self, session: Session) -> Result<()> {
        self.devnet.kill("worker")?;
        let mut process = self.devnet.revive("worker")?;
        follows(&mut process, self.devnet.worker_port())?;
        self.post("query", &self.sealed(&session, 1, true))?.refused(410, "PHALA-2016", "no such session")?;
        let (_, answered) = self.open(CLUSTER, &self.certificate(&session.key, |_| ()))?;
        answered.refused(410, "PHALA-2015", "the worker has restarted since")?;
        let answer = self.counter.phala(&["contract", "query", self.counter.id(), "value"])?;
        ensure!(answer["output"] == 0, "{answer}");
        Ok(())
    }
}
