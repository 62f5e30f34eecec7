//! Envelopes open for those whom they are for, in the context that they are for, and for nobody else.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use codec::Encode as _;
use phala_crypto::*;
use phala_primitives::{
    AccountId, BootKem, ClusterId, ContractId, WorkerId,
    query::{
        AccountSignature, Answer, AnswerOutcome, AnswerV1, Ask, Certificate, CertificateV1, Query, QueryAnswer,
        QueryRequest, QueryV1, SessionRequest, SignatureBytes, SignedAnswer, SignedCertificate,
    },
};
use rand_core::{CryptoRng, RngCore};

const GENESIS: [u8; 32] = [1; 32];
const CLUSTER: ClusterId = ClusterId(0);

/// Not random at all: the same in each run, other with each number.
struct Counter(u64);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = (self.next_u64() >> 33) as u8);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Counter {}

fn command_context() -> CommandContext {
    CommandContext {
        genesis: GENESIS,
        cluster: CLUSTER,
        contract: ContractId([2; 32]),
        sender: AccountId([3; 32]),
        epoch: 0,
    }
}

#[test]
fn a_command_opens_in_its_own_context_only() {
    let keys = ClusterKeys::generate(&mut Counter(1));
    let context = command_context();
    let secret = keys.command_key(&GENESIS, CLUSTER, context.contract);
    let sealed = seal_command(&secret.public(), &context, b"set", &mut Counter(2)).unwrap();
    assert_eq!(open_command(&secret, &context, &sealed).unwrap().as_slice(), b"set");
    for other in [
        CommandContext { genesis: [9; 32], ..context },
        CommandContext { cluster: ClusterId(1), ..context },
        CommandContext { contract: ContractId([9; 32]), ..context },
        // somebody else sends the same ciphertext
        CommandContext { sender: AccountId([9; 32]), ..context },
        CommandContext { epoch: 1, ..context },
    ] {
        assert_eq!(open_command(&secret, &other, &sealed).unwrap_err(), OpenError, "{other:?}");
    }
    let neighbour = keys.command_key(&GENESIS, CLUSTER, ContractId([9; 32]));
    assert!(open_command(&neighbour, &context, &sealed).is_err());
    for at in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext[at] ^= 1;
        assert!(open_command(&secret, &context, &changed).is_err(), "byte {at}");
    }
}

fn certificate(expires: u32, contract: Option<ContractId>, key: &SessionKey) -> SignedCertificate {
    let certificate = Certificate::V1(CertificateV1 { cluster: CLUSTER, contract, session_key: key.public(), expires });
    let pair =
        schnorrkel::MiniSecretKey::from_bytes(&[7; 32]).unwrap().expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let transcript = schnorrkel::signing_context(b"substrate").bytes(&certificate.digest(&GENESIS));
    let signature = pair.sign(schnorrkel::context::attach_rng(transcript, Counter(3))).to_bytes();
    let signature = AccountSignature { wrapped: false, bytes: SignatureBytes::Sr25519(signature) };
    SignedCertificate { certificate, account: AccountId(pair.public.to_bytes()), signature }
}

#[test]
fn a_certificate_stands_for_its_account_scope_and_time() {
    let key = SessionKey::generate(&mut Counter(4));
    let contract = ContractId([2; 32]);
    let signed = certificate(10, Some(contract), &key);
    let verified = verify_certificate(&GENESIS, &signed).unwrap();
    assert_eq!(verified.account(), signed.account);
    assert_eq!(verified.covers(CLUSTER, Some(contract), 10), Ok(()));
    assert_eq!(verified.covers(CLUSTER, Some(contract), 11), Err(CertificateError::Expired(10)));
    assert_eq!(verified.covers(ClusterId(1), Some(contract), 1), Err(CertificateError::OtherCluster));
    assert_eq!(verified.covers(CLUSTER, Some(ContractId([9; 32])), 1), Err(CertificateError::OutOfScope));
    assert_eq!(verified.covers(CLUSTER, None, 1), Err(CertificateError::OutOfScope));
    assert_eq!(verify_certificate(&[9; 32], &signed), Err(CertificateError::BadSignature));
    let mut stolen = signed.clone();
    stolen.account = AccountId([9; 32]);
    assert_eq!(verify_certificate(&GENESIS, &stolen), Err(CertificateError::BadSignature));
    let mut wrapped = signed;
    wrapped.signature.wrapped = true;
    assert_eq!(verify_certificate(&GENESIS, &wrapped), Err(CertificateError::BadSignature));
    assert!(verify_ask(&verified, &[5; 32], &key.sign(&[5; 32])).is_ok());
    assert!(verify_ask(&verified, &[6; 32], &key.sign(&[5; 32])).is_err());
}

/// Under the neutral element every signature can be made to verify, so it must never stand for an account.
#[test]
fn a_session_key_under_which_anybody_can_sign_is_refused() {
    let pair =
        schnorrkel::MiniSecretKey::from_bytes(&[7; 32]).unwrap().expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for session_key in [neutral, [0; 32]] {
        let certificate = Certificate::V1(CertificateV1 { cluster: CLUSTER, contract: None, session_key, expires: 10 });
        let transcript = schnorrkel::signing_context(b"substrate").bytes(&certificate.digest(&GENESIS));
        let bytes = pair.sign(schnorrkel::context::attach_rng(transcript, Counter(3))).to_bytes();
        let signature = AccountSignature { wrapped: false, bytes: SignatureBytes::Sr25519(bytes) };
        let signed = SignedCertificate { certificate, account: AccountId(pair.public.to_bytes()), signature };
        assert_eq!(verify_certificate(&GENESIS, &signed), Err(CertificateError::BadSessionKey));
    }
}

fn answer() -> SignedAnswer {
    let answer = Answer::V1(AnswerV1 {
        request: [0; 32],
        cluster: CLUSTER,
        worker: WorkerId([4; 32]),
        boot_count: 1,
        assurance: phala_primitives::Assurance::Software,
        block: 1,
        block_hash: [0; 32],
        log_index: 1,
        state_root: [0; 32],
        code: None,
        outcome: AnswerOutcome::Output(b"42".to_vec()),
    });
    SignedAnswer { answer, signature: [0; 64] }
}

#[test]
fn a_session_works_both_ways_and_only_between_its_two_sides() {
    let boot = BootIdentity::generate(&mut Counter(5));
    let other_boot = BootIdentity::generate(&mut Counter(6));
    let key = SessionKey::generate(&mut Counter(4));
    let signed = certificate(10, None, &key);
    let (client, request) =
        ClientSession::open(&GENESIS, CLUSTER, &boot.boot_sign(), &boot.boot_kem(), Some(&signed), &mut Counter(7))
            .unwrap();
    let SessionRequest::V1(opening) = &request;
    assert!(!request.encode().windows(32).any(|window| window == signed.account.0), "who asks is sealed");
    let (worker, certificate) = WorkerSession::accept(&GENESIS, &boot, opening).unwrap();
    assert_eq!((worker.id(), certificate), (client.id(), Some(signed)));
    assert!(WorkerSession::accept(&GENESIS, &other_boot, opening).is_err(), "another boot");
    assert!(WorkerSession::accept(&[9; 32], &boot, opening).is_err(), "another chain");
    let mut elsewhere = opening.clone();
    elsewhere.cluster = ClusterId(1);
    assert!(WorkerSession::accept(&GENESIS, &boot, &elsewhere).is_err(), "another cluster");

    let query = Query::V1(QueryV1 { ask: Ask::Receipt { index: 3 }, signature: None });
    let QueryRequest::V1(sent) = client.seal_query(5, &query);
    assert_eq!(worker.open_query(&sent).unwrap(), query);
    let mut renumbered = sent.clone();
    renumbered.sequence = 6;
    assert!(worker.open_query(&renumbered).is_err(), "a sequence number is bound to its request");
    let mut changed = sent;
    changed.ciphertext[0] ^= 1;
    assert!(worker.open_query(&changed).is_err());

    let sealed = worker.seal_answer(5, &answer(), [8; 32]);
    assert_eq!(client.open_answer(5, &sealed).unwrap(), answer());
    assert!(client.open_answer(6, &sealed).is_err(), "an answer is bound to its request");
    let QueryAnswer::V1(again) = worker.seal_answer(5, &answer(), [9; 32]);
    let QueryAnswer::V1(first) = sealed;
    assert_ne!(again.ciphertext, first.ciphertext, "a repeated request has another key");
}

#[test]
fn roots_reach_the_boot_that_they_are_for_and_must_be_the_committed_ones() {
    let keys = ClusterKeys::generate(&mut Counter(1));
    let committed = keys.commitment(&GENESIS, CLUSTER);
    let worker = WorkerId([4; 32]);
    let (boot, thief) = (BootIdentity::generate(&mut Counter(5)), BootIdentity::generate(&mut Counter(6)));
    let seal = |keys: &ClusterKeys, kem: &BootKem| {
        seal_keys(keys, &GENESIS, CLUSTER, worker, &boot.boot_sign(), kem, &mut Counter(8)).unwrap()
    };
    let answer = seal(&keys, &boot.boot_kem());
    let opened = open_keys(&boot, &GENESIS, CLUSTER, worker, &answer, &committed).unwrap();
    let contract = ContractId([2; 32]);
    assert_eq!(
        opened.command_key(&GENESIS, CLUSTER, contract).public(),
        keys.command_key(&GENESIS, CLUSTER, contract).public()
    );
    assert!(open_keys(&thief, &GENESIS, CLUSTER, worker, &answer, &committed).is_err());
    assert!(open_keys(&boot, &GENESIS, CLUSTER, WorkerId([9; 32]), &answer, &committed).is_err());
    let others = seal(&ClusterKeys::generate(&mut Counter(9)), &boot.boot_kem());
    assert!(open_keys(&boot, &GENESIS, CLUSTER, worker, &others, &committed).is_err(), "other keys than committed");
}

#[test]
fn what_is_sealed_at_rest_is_bound_to_platform_worker_cluster_and_name() {
    let keys = ClusterKeys::generate(&mut Counter(1));
    let platform = SealKey::for_platform(&[1; 32], &GENESIS, WorkerId([4; 32]));
    let sealed = seal_cluster_keys(&platform, &keys, CLUSTER, 77, &mut Counter(2));
    let (opened, height) = open_cluster_keys(&platform, CLUSTER, &sealed).unwrap();
    assert_eq!((opened.commitment(&GENESIS, CLUSTER), height), (keys.commitment(&GENESIS, CLUSTER), 77));
    assert!(open_cluster_keys(&platform, ClusterId(1), &sealed).is_err());
    for other in [
        SealKey::for_platform(&[2; 32], &GENESIS, WorkerId([4; 32])),
        SealKey::for_platform(&[1; 32], &[9; 32], WorkerId([4; 32])),
        SealKey::for_platform(&[1; 32], &GENESIS, WorkerId([5; 32])),
    ] {
        assert!(open_cluster_keys(&other, CLUSTER, &sealed).is_err());
    }
    let state = keys.state_key(&GENESIS, CLUSTER);
    let node = state.seal(b"node", &[5; 32], b"content");
    assert_eq!(state.open(b"node", &[5; 32], &node).unwrap().as_slice(), b"content");
    assert!(state.open(b"node", &[6; 32], &node).is_err(), "a node put in another's place");
    assert!(state.open(b"leaf", &[5; 32], &node).is_err());
}

#[test]
fn signatures_are_the_same_each_time_and_verify() {
    let keys = ClusterKeys::generate(&mut Counter(1)).contract(&GENESIS, CLUSTER, ContractId([2; 32]));
    let digest = [5; 32];
    for kind in [SigningKind::Ed25519, SigningKind::Sr25519, SigningKind::Secp256k1] {
        let public = keys.public_key(kind, "a");
        let signature = keys.sign(kind, "a", &digest).unwrap();
        assert_eq!(signature, keys.sign(kind, "a", &digest).unwrap(), "{kind:?}");
        assert_eq!(verify(kind, &public, &digest, &signature), Ok(true), "{kind:?}");
        assert_eq!(verify(kind, &public, &[6; 32], &signature), Ok(false), "{kind:?}");
        assert_eq!(verify(kind, &keys.public_key(kind, "b"), &digest, &signature), Ok(false), "{kind:?}");
        assert_eq!(verify(kind, &public, &digest, &signature[1..]), Err(VerifyError::Signature), "{kind:?}");
    }
    let signature = keys.sign(SigningKind::Secp256k1, "a", &digest).unwrap();
    assert_eq!(recover(&digest, &signature).unwrap(), keys.public_key(SigningKind::Secp256k1, "a"));
    assert_eq!(keys.sign(SigningKind::Secp256k1, "a", b"short"), Err(KeyError::DigestLength));
    let (output, proof) = keys.vrf("a", b"input");
    let public: [u8; 32] = keys.public_key(SigningKind::Sr25519, "a").try_into().unwrap();
    assert!(verify_vrf(&public, b"input", &output, &proof));
    assert!(!verify_vrf(&public, b"other", &output, &proof));
    assert_ne!(keys.derive("a").as_slice(), keys.derive("b").as_slice());
}

/// RFC 2104 and RFC 4231, RFC 8032, and the Keccak of nothing.
#[test]
fn public_vectors_hold() {
    assert_eq!(
        hex::encode(hash(HashKind::Keccak256, b"")),
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
    assert_eq!(
        hex::encode(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    // RFC 8032, 7.1, test 1: the signature of an empty message
    let public = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
    let signature = hex::decode(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    )
    .unwrap();
    assert_eq!(verify(SigningKind::Ed25519, &public, b"", &signature), Ok(true));
    assert_eq!(verify(SigningKind::Ed25519, &public, b"x", &signature), Ok(false));
}
