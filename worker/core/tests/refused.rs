//! What senders, askers and contracts do wrong: each gets a typed answer, nothing else changes, and the log goes on.

#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use codec::{Decode as _, Encode as _};
use phala_crypto::{BootIdentity, CertificateError, ClientSession, CommandContext, SessionKey, seal_command};
use phala_primitives::{
    AccountId, ClusterId, ContractId, Payload,
    cluster::SealingMode,
    message::{Command, Kind, Withdraw},
    query::{
        AccountSignature, AnswerOutcome, Ask, Certificate, CertificateV1, Query, QueryAnswer, QueryRequest, QueryV1,
        SessionRequest, SignatureBytes, SignedAnswer, SignedCertificate,
    },
    report::Status,
};
use phala_worker_core::{
    Deadline, QueryError,
    memory::MemoryStore,
    testing::{CLUSTER, CONTRACT, Life, OPERATOR, Rng, World, config},
};
use phat_engine::Stack;

/// Does what the first byte of its input names.
const BEHAVIOUR: &str = r#"
    (func $deeper (param $n i64) (result i64)
      (i64.add (call $deeper (i64.add (local.get $n) (i64.const 1))) (local.get $n)))
    (func $run (export "run") (param $in i32) (param $len i32) (result i32) (local $what i32)
      (if (i32.eqz (local.get $len)) (then (return (call $err (i32.const 9)))))
      (local.set $what (i32.load8_u (local.get $in)))
      ;; loops
      (if (i32.eq (local.get $what) (i32.const 76)) (then (loop $again (br $again))))
      ;; fills its memory
      (if (i32.eq (local.get $what) (i32.const 77)) (then
        (loop $again
          (if (i32.eq (memory.grow (i32.const 4)) (i32.const -1)) (then unreachable))
          (br $again))))
      ;; recurses
      (if (i32.eq (local.get $what) (i32.const 82)) (then (drop (call $deeper (i64.const 0)))))
      ;; traps
      (if (i32.eq (local.get $what) (i32.const 84)) (then unreachable))
      ;; returns too much
      (if (i32.eq (local.get $what) (i32.const 79)) (then (return (call $ok (i32.const 0) (i32.const 2000)))))
      ;; refuses
      (if (i32.eq (local.get $what) (i32.const 69)) (then (return (call $err (i32.const 7)))))
      ;; fetches, and tells which error it got
      (if (i32.eq (local.get $what) (i32.const 70)) (then
        (call $fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))
        (return (call $ok (i32.const 2052) (i32.const 1)))))
      ;; calls a contract that there is not, and tells which error it got
      (if (i32.eq (local.get $what) (i32.const 67)) (then
        (call $call (i32.const 3000) (i32.const 32) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 2200))
        (return (call $ok (i32.const 2204) (i32.const 1)))))
      ;; tells what it has stored, in a query
      (if (i32.eq (local.get $what) (i32.const 71)) (then
        (call $get (i32.const 0) (i32.const 3) (i32.const 3000))
        (return (call $ok (i32.load offset=8 (i32.const 3000)) (i32.load offset=12 (i32.const 3000))))))
      (call $set (i32.const 0) (i32.const 3) (local.get $in) (local.get $len) (i32.const 3000))
      (call $ok (local.get $in) (local.get $len)))"#;

fn component() -> Vec<u8> {
    let text = include_str!("../../../contract/engine/tests/support/contract.wat");
    wat::parse_str(text.replace("PAGES", "1").replace("BODY\n", &format!("{BEHAVIOUR}\n"))).unwrap()
}

fn running() -> (World, Life) {
    let mut world = World::new(config(SealingMode::SelfSeal), component());
    let mut life = Life::new(&world, 100, Arc::new(MemoryStore::default()), true);
    life.settle(&mut world, None);
    world.deploy();
    life.settle(&mut world, None);
    (world, life)
}

fn last_status(world: &World) -> Status {
    world.reports.iter().flat_map(|report| &report.outcomes).last().unwrap().status
}

/// A sealed command that [`OPERATOR`] sends, sealed in this account's name.
fn sealed(world: &World, by: AccountId, plain: &[u8]) -> Payload {
    let (_, key) = world.reports.iter().flat_map(|report| &report.command_keys).next().unwrap();
    let genesis = world.genesis();
    let context = CommandContext { genesis, cluster: CLUSTER, contract: CONTRACT, sender: by, epoch: key.epoch };
    Payload::Sealed(seal_command(&key.kem, &context, plain, &mut Rng(77)).unwrap())
}

fn send(world: &mut World, life: &mut Life, payload: Payload) -> Status {
    put(world, life, Kind::Command(Command { contract: CONTRACT, payload, gas_limit: 50_000_000, value: 0 }))
}

fn put(world: &mut World, life: &mut Life, kind: Kind) -> Status {
    world.append(kind);
    world.block();
    life.settle(world, None);
    assert_eq!(life.worker.log_index(), world.log.head().next_index, "the log goes on");
    last_status(world)
}

#[test]
fn a_command_that_another_account_sends_again_does_not_open() {
    let (mut world, mut life) = running();
    let (mine, others) = (sealed(&world, OPERATOR, b"mine"), sealed(&world, AccountId([2; 32]), b"others"));
    assert_eq!(send(&mut world, &mut life, others), Status::Undecryptable);
    assert_eq!(send(&mut world, &mut life, mine), Status::Success);
}

#[test]
fn noise_in_the_place_of_a_sealed_command_is_a_receipt() {
    let (mut world, mut life) = running();
    let Payload::Sealed(mut noise) = sealed(&world, OPERATOR, b"mine") else { panic!("sealed") };
    noise.enc = [0; 32];
    assert_eq!(send(&mut world, &mut life, Payload::Sealed(noise)), Status::Undecryptable);
    let Payload::Sealed(mut noise) = sealed(&world, OPERATOR, b"mine") else { panic!("sealed") };
    noise.ciphertext = Default::default();
    assert_eq!(send(&mut world, &mut life, Payload::Sealed(noise)), Status::Undecryptable);
    let Payload::Sealed(mut noise) = sealed(&world, OPERATOR, b"mine") else { panic!("sealed") };
    noise.epoch += 1;
    assert_eq!(send(&mut world, &mut life, Payload::Sealed(noise)), Status::Undecryptable);
    let plain = Payload::Plain(b"plain".to_vec().try_into().unwrap());
    assert_eq!(send(&mut world, &mut life, plain), Status::Success);
}

/// What a contract owns is folded from the log, so that the chain never has to pay what is not there.
#[test]
fn nothing_is_withdrawn_that_the_contract_does_not_own() {
    let (mut world, mut life) = running();
    let withdraw = |contract, amount| Kind::Withdraw(Withdraw { contract, amount });
    assert_eq!(put(&mut world, &mut life, withdraw(CONTRACT, 1)), Status::Overdrawn);
    let payload = Payload::Plain(b"well".to_vec().try_into().unwrap());
    let pay = Kind::Command(Command { contract: CONTRACT, payload, gas_limit: 50_000_000, value: 5 });
    assert_eq!(put(&mut world, &mut life, pay), Status::Success);
    assert_eq!(put(&mut world, &mut life, withdraw(CONTRACT, 6)), Status::Overdrawn);
    assert_eq!(put(&mut world, &mut life, withdraw(CONTRACT, 3)), Status::Success);
    assert_eq!(put(&mut world, &mut life, withdraw(CONTRACT, 3)), Status::Overdrawn);
    assert_eq!(put(&mut world, &mut life, withdraw(ContractId([9; 32]), 1)), Status::NoContract);
}

#[test]
fn a_contract_that_misbehaves_gets_a_receipt_and_hurts_nobody() {
    let (mut world, mut life) = running();
    for (what, expected) in [
        ("L", Status::OutOfGas),
        ("M", Status::OutOfMemory),
        ("R", Status::StackExhausted),
        ("T", Status::Trapped),
        ("O", Status::LimitExceeded),
        ("E", Status::Refused),
    ] {
        let before = life.root();
        let payload = Payload::Plain(what.as_bytes().to_vec().try_into().unwrap());
        assert_eq!(send(&mut world, &mut life, payload), expected, "{what}");
        assert_eq!(life.root(), before, "{what} has changed the state");
    }
    let payload = Payload::Plain(b"well".to_vec().try_into().unwrap());
    assert_eq!(send(&mut world, &mut life, payload), Status::Success);
}

#[test]
fn a_cluster_that_reports_another_state_gets_no_more_answers() {
    let (mut world, mut life) = running();
    let reports = world.reports.len();
    world.deaf = true;
    world.command(b"one");
    life.settle(&mut world, None);
    Asker::open(&world, &life, None).map(drop).unwrap();

    // nothing new has to come before it stops: what it has published is not the cluster's state
    world.deaf = false;
    world.report_another_root();
    life.settle(&mut world, None);
    let refused = Asker::open(&world, &life, None).map(drop);
    assert!(matches!(refused, Err(QueryError::NotReady)), "{refused:?}");
    assert!(world.is_frozen(), "it has contradicted");

    world.command(b"two");
    life.settle(&mut world, None);
    assert_eq!(world.reports.len(), reports, "it reports nothing that stands on another state");
    let refused = Asker::open(&world, &life, None).map(drop);
    assert!(matches!(refused, Err(QueryError::NotReady)), "{refused:?}");
}

/// A client with a session.
struct Asker {
    genesis: [u8; 32],
    session: ClientSession,
    key: SessionKey,
    certified: bool,
    sequence: u64,
}

fn certificate(genesis: &[u8; 32], certificate: CertificateV1) -> SignedCertificate {
    // an account with an ed25519 key
    let account = SessionKey::generate(&mut Rng(50));
    let certificate = Certificate::V1(certificate);
    let bytes = SignatureBytes::Ed25519(account.sign(&certificate.digest(genesis)));
    let signature = AccountSignature { wrapped: false, bytes };
    SignedCertificate { certificate, account: AccountId(account.public()), signature }
}

fn session_key() -> SessionKey {
    SessionKey::generate(&mut Rng(51))
}

fn good() -> CertificateV1 {
    CertificateV1 { cluster: CLUSTER, contract: None, session_key: session_key().public(), expires: 1_000_000 }
}

fn opening(
    world: &World,
    boot: &BootIdentity,
    certificate: Option<&SignedCertificate>,
) -> (ClientSession, SessionRequest) {
    // each session has an ephemeral key of its own
    static SEED: AtomicU64 = AtomicU64::new(1_000);
    let mut rng = Rng(SEED.fetch_add(1, Ordering::Relaxed));
    let (sign, kem) = (boot.boot_sign(), boot.boot_kem());
    ClientSession::open(&world.genesis(), CLUSTER, &sign, &kem, certificate, &mut rng).unwrap()
}

impl Asker {
    fn open(world: &World, life: &Life, certificate: Option<&SignedCertificate>) -> Result<Self, QueryError> {
        let (session, request) = opening(world, &life.boot, certificate);
        life.queries.open_session(&request.encode())?;
        let certified = certificate.is_some();
        Ok(Self { genesis: world.genesis(), session, key: session_key(), certified, sequence: 0 })
    }

    fn request(&self, contract: ContractId, input: &[u8]) -> QueryRequest {
        let ask = Ask::Contract { contract, input: input.to_vec().try_into().unwrap() };
        let digest = ask.digest(&self.genesis, &self.session.id(), self.sequence);
        let signature = self.certified.then(|| self.key.sign(&digest));
        self.session.seal_query(self.sequence, &Query::V1(QueryV1 { ask, signature }))
    }

    fn ask(&mut self, life: &Life, contract: ContractId, input: &[u8]) -> Result<SignedAnswer, QueryError> {
        let request = self.request(contract, input);
        let answer = raw(life, &request)?;
        let answer = self.session.open_answer(self.sequence, &answer).unwrap();
        self.sequence += 1;
        Ok(answer)
    }
}

fn raw(life: &Life, request: &QueryRequest) -> Result<QueryAnswer, QueryError> {
    let deadline = Deadline { ticks: 1_000, at_ms: 1_000 };
    let bytes = Stack::run(|stack| life.queries.query(stack, &request.encode(), deadline, [3; 32])).unwrap()?;
    Ok(QueryAnswer::decode(&mut bytes.as_slice()).unwrap())
}

#[test]
fn a_query_is_answered_once_and_to_its_session() {
    let (mut world, mut life) = running();
    world.command(b"stored");
    life.settle(&mut world, None);
    let signed = certificate(&world.genesis(), good());
    let mut asker = Asker::open(&world, &life, Some(&signed)).unwrap();
    let request = asker.request(CONTRACT, b"G");
    let answer = asker.ask(&life, CONTRACT, b"G").unwrap();
    assert_eq!(answer.answer.latest().outcome, AnswerOutcome::Output(b"stored".to_vec()));
    assert_eq!(answer.answer.latest().log_index, world.log.head().next_index);
    // the very same bytes again
    assert!(matches!(raw(&life, &request), Err(QueryError::Replayed(_))));
    // a session that was never opened
    let (session, _) = opening(&world, &BootIdentity::generate(&mut Rng(60)), None);
    let stray = Asker { session, key: session_key(), certified: false, sequence: 0, ..asker };
    assert_eq!(raw(&life, &stray.request(CONTRACT, b"G")), Err(QueryError::UnknownSession));
}

#[test]
fn a_session_of_another_boot_is_told_so() {
    let (world, life) = running();
    let (_, request) = opening(&world, &BootIdentity::generate(&mut Rng(61)), None);
    assert_eq!(life.queries.open_session(&request.encode()), Err(QueryError::OtherBoot));
}

#[test]
fn certificates_count_for_their_chain_cluster_contract_and_time() {
    let (world, life) = running();
    let genesis = world.genesis();
    let refused = |signed: &SignedCertificate| match Asker::open(&world, &life, Some(signed)).map(drop) {
        Err(QueryError::Certificate(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&certificate(&[9; 32], good())), CertificateError::BadSignature);
    let elsewhere = CertificateV1 { cluster: ClusterId(5), ..good() };
    assert_eq!(refused(&certificate(&genesis, elsewhere)), CertificateError::OtherCluster);
    let expired = CertificateV1 { expires: 1, ..good() };
    assert_eq!(refused(&certificate(&genesis, expired)), CertificateError::Expired(1));
    // for one contract, and asked about another
    let narrow = CertificateV1 { contract: Some(ContractId([8; 32])), ..good() };
    let mut asker = Asker::open(&world, &life, Some(&certificate(&genesis, narrow))).unwrap();
    let answer = asker.ask(&life, CONTRACT, b"x");
    assert_eq!(answer.map(drop), Err(QueryError::Certificate(CertificateError::OutOfScope)));
    // a session with a certificate, and a request that its key has not signed
    let mut asker = Asker::open(&world, &life, Some(&certificate(&genesis, good()))).unwrap();
    asker.key = SessionKey::generate(&mut Rng(99));
    assert_eq!(asker.ask(&life, CONTRACT, b"x").map(drop), Err(QueryError::Unsigned));
    asker.certified = false;
    assert_eq!(asker.ask(&life, CONTRACT, b"x").map(drop), Err(QueryError::Unsigned));
}

#[test]
fn queries_of_a_contract_that_misbehaves_are_stopped_and_the_next_is_answered() {
    let (world, life) = running();
    let mut asker = Asker::open(&world, &life, None).unwrap();
    for (what, expected) in [
        ("L", "out of gas"),
        ("M", "out of memory"),
        ("R", "stack exhausted"),
        ("T", "unreachable executed"),
        ("O", "output too long"),
    ] {
        let answer = asker.ask(&life, CONTRACT, what.as_bytes()).unwrap();
        let AnswerOutcome::Stopped(why) = &answer.answer.latest().outcome else { panic!("{what}: {answer:?}") };
        assert!(why.contains(expected), "{what}: {why}");
    }
    let answer = asker.ask(&life, ContractId([9; 32]), b"x").unwrap();
    assert!(matches!(answer.answer.latest().outcome, AnswerOutcome::NotFound(_)));
    let answer = asker.ask(&life, CONTRACT, b"E").unwrap();
    assert!(matches!(answer.answer.latest().outcome, AnswerOutcome::Refused { code: 7, .. }));
}

/// What a brief run gives up is run again in full, and nobody can tell: not the contract by its gas, and not the asker by the answer.
#[test]
fn what_is_answered_briefly_is_what_is_answered_in_full() {
    let (mut world, mut life) = running();
    world.command(b"stored");
    life.settle(&mut world, None);
    let mut asker = Asker::open(&world, &life, None).unwrap();
    let deadline = Deadline { ticks: 1_000, at_ms: 1_000 };
    let mut both = |input: &[u8]| {
        let request = asker.request(CONTRACT, input);
        let accepted = life.queries.accept(&request.encode()).unwrap();
        assert!(matches!(life.queries.accept(&request.encode()), Err(QueryError::Replayed(_))));
        let (brief, full) = Stack::run(|stack| {
            let brief = life.queries.answer_briefly(stack, &accepted, deadline, [3; 32]).unwrap();
            (brief, life.queries.answer(stack, &accepted, deadline, [3; 32]).unwrap())
        })
        .unwrap();
        let answer = QueryAnswer::decode(&mut full.as_slice()).unwrap();
        let signed = asker.session.open_answer(asker.sequence, &answer).unwrap();
        asker.sequence += 1;
        (brief.map(|brief| brief == full), signed.answer.latest().outcome.clone())
    };
    let output = |bytes: &[u8]| AnswerOutcome::Output(bytes.to_vec());
    let timed_out = [6];
    let no_such_contract = [0];
    assert_eq!(both(b"G"), (Some(true), output(b"stored")));
    assert!(matches!(both(b"E"), (Some(true), AnswerOutcome::Refused { code: 7, .. })));
    assert_eq!(both(b"F"), (None, output(&timed_out)), "HTTP waits");
    assert_eq!(both(b"C"), (None, output(&no_such_contract)), "other contracts see how much gas there is");
    for what in ["L", "M", "R", "T", "O"] {
        assert!(matches!(both(what.as_bytes()), (None, AnswerOutcome::Stopped(_))), "{what}");
    }
    assert_eq!(both(b"G"), (Some(true), output(b"stored")));
}

/// Compiling takes up to seconds: not where connections are served.
#[test]
fn a_brief_run_compiles_nothing() {
    let mut world = World::new(config(SealingMode::SelfSeal), component());
    let store = Arc::new(MemoryStore::default());
    let mut life = Life::new(&world, 100, store.clone(), true);
    life.settle(&mut world, None);
    world.deploy();
    life.settle(&mut world, None);
    drop(life);
    let mut life = Life::new(&world, 101, store, true);
    life.settle(&mut world, None);
    let mut asker = Asker::open(&world, &life, None).unwrap();
    let deadline = Deadline { ticks: 1_000, at_ms: 1_000 };
    for expected in [false, true] {
        let accepted = life.queries.accept(&asker.request(CONTRACT, b"G").encode()).unwrap();
        asker.sequence += 1;
        let answered = Stack::run(|stack| {
            let brief = life.queries.answer_briefly(stack, &accepted, deadline, [3; 32]).unwrap().is_some();
            life.queries.answer(stack, &accepted, deadline, [3; 32]).unwrap();
            brief
        });
        assert_eq!(answered.unwrap(), expected);
    }
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let (_, life) = running();
    assert!(matches!(life.queries.open_session(b""), Err(QueryError::Wire(_))));
    assert!(matches!(life.queries.open_session(&[0xff; 3_000]), Err(QueryError::Wire(_))));
    let deadline = Deadline { ticks: 1, at_ms: 1 };
    let refused = Stack::run(|stack| life.queries.query(stack, &[1, 2, 3], deadline, [0; 32])).unwrap();
    assert!(matches!(refused, Err(QueryError::Wire(_))));
}
