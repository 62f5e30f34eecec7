//! Query sessions: HPKE once, to agree on keys; then symmetric sealing of requests and answers in any order.
//!
//! The opening carries the asker's certificate as HPKE's first message. From the context both sides export the session's id, the
//! key of the requests, and a key from which each answer's own key is derived with a random nonce (as in RFC 9458), so that a
//! repeated request never repeats key and nonce.

use alloc::vec::Vec;
use chacha20poly1305::{
    ChaCha20Poly1305, Nonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use codec::{Decode, Encode};
use phala_primitives::{
    BootKem, BootSign, ClusterId, Domain, Hash256, Wire,
    query::{
        Query, QueryAnswer, QueryAnswerV1, QueryRequest, QueryRequestV1, SessionId, SessionRequest, SessionRequestV1,
        SignedAnswer, SignedCertificate,
    },
};
use rand_core::{CryptoRng, RngCore};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    BootIdentity,
    kdf::{bound, expand},
    kem::{OpenError, SealError, send},
};

/// What both sides hold.
#[derive(ZeroizeOnDrop)]
struct Keys {
    #[zeroize(skip)]
    id: SessionId,
    request: [u8; 32],
    answer: [u8; 32],
}

impl Keys {
    fn export(export: impl Fn(&[u8], &mut [u8]) -> Result<(), hpke::HpkeError>) -> Result<Self, hpke::HpkeError> {
        let mut keys = Self { id: SessionId([0; 16]), request: [0; 32], answer: [0; 32] };
        export(b"session id", &mut keys.id.0)?;
        export(b"request key", &mut keys.request)?;
        export(b"answer key", &mut keys.answer)?;
        Ok(keys)
    }

    fn request_nonce(sequence: u64) -> Nonce {
        let mut nonce = Nonce::default();
        let number = sequence.to_be_bytes();
        nonce.iter_mut().skip(4).zip(number).for_each(|(to, from)| *to = from);
        nonce
    }

    fn answer_cipher(&self, sequence: u64, nonce: &[u8; 32]) -> ChaCha20Poly1305 {
        let key = expand(&self.answer, &(nonce, sequence, self.id).encode());
        ChaCha20Poly1305::new((&*key).into())
    }

    fn aad(&self, sequence: u64) -> Vec<u8> {
        (self.id, sequence).encode()
    }
}

fn info(genesis: &Hash256, boot: &BootSign, cluster: ClusterId) -> Vec<u8> {
    bound(Domain::Query, genesis, &(boot, cluster))
}

/// The asker's side.
pub struct ClientSession {
    keys: Keys,
}

impl ClientSession {
    /// Opens a session to a boot that the asker has seen live on the chain.
    pub fn open(
        genesis: &Hash256,
        cluster: ClusterId,
        boot_sign: &BootSign,
        boot_kem: &BootKem,
        certificate: Option<&SignedCertificate>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, SessionRequest), SealError> {
        let (enc, mut context) = send(&boot_kem.0, &info(genesis, boot_sign, cluster), rng)?;
        let certificate = context.seal(&certificate.encode(), &[]).map_err(|_| SealError)?;
        let keys = Keys::export(|label, output| context.export(label, output)).map_err(|_| SealError)?;
        let certificate = certificate.try_into().map_err(|_| SealError)?;
        Ok((Self { keys }, SessionRequest::V1(SessionRequestV1 { cluster, enc, certificate })))
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.keys.id
    }

    /// Seals a request. A sequence number must be used for one request only.
    pub fn seal_query(&self, sequence: u64, query: &Query) -> QueryRequest {
        let plain = Zeroizing::new(query.encode());
        let payload = Payload { msg: &plain, aad: &self.keys.aad(sequence) };
        let cipher = ChaCha20Poly1305::new(&self.keys.request.into());
        // fails for plaintexts of more than 256 GB only
        let ciphertext = cipher.encrypt(&Keys::request_nonce(sequence), payload).unwrap_or_default();
        QueryRequest::V1(QueryRequestV1 { session: self.keys.id, sequence, ciphertext })
    }

    /// Opens the answer to the request with this sequence number. The signature inside is still to be checked.
    pub fn open_answer(&self, sequence: u64, answer: &QueryAnswer) -> Result<SignedAnswer, OpenError> {
        let QueryAnswer::V1(QueryAnswerV1 { nonce, ciphertext }) = answer;
        let payload = Payload { msg: ciphertext, aad: &self.keys.aad(sequence) };
        let cipher = self.keys.answer_cipher(sequence, nonce);
        let plain = cipher.decrypt(&Nonce::default(), payload).map(Zeroizing::new).map_err(|_| OpenError)?;
        SignedAnswer::decode(&mut plain.as_slice()).map_err(|_| OpenError)
    }
}

/// The worker's side.
pub struct WorkerSession {
    keys: Keys,
}

impl WorkerSession {
    /// Accepts an opening that was made for this boot, and gives the certificate inside, unchecked.
    pub fn accept(
        genesis: &Hash256,
        boot: &BootIdentity,
        request: &SessionRequestV1,
    ) -> Result<(Self, Option<SignedCertificate>), OpenError> {
        let mut context = boot.kem().receive(&request.enc, &info(genesis, &boot.boot_sign(), request.cluster))?;
        let plain = context.open(&request.certificate, &[]).map_err(|_| OpenError)?;
        let certificate = Option::<SignedCertificate>::decode(&mut plain.as_slice()).map_err(|_| OpenError)?;
        let keys = Keys::export(|label, output| context.export(label, output)).map_err(|_| OpenError)?;
        Ok((Self { keys }, certificate))
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.keys.id
    }

    /// Opens a request. Whether its sequence number is new is for [`ReplayWindow`](crate::ReplayWindow) to say.
    pub fn open_query(&self, request: &QueryRequestV1) -> Result<Query, OpenError> {
        let payload = Payload { msg: &request.ciphertext, aad: &self.keys.aad(request.sequence) };
        let cipher = ChaCha20Poly1305::new(&self.keys.request.into());
        let plain = cipher.decrypt(&Keys::request_nonce(request.sequence), payload).map_err(|_| OpenError)?;
        Query::from_wire(&Zeroizing::new(plain)).map_err(|_| OpenError)
    }

    /// Seals an answer. `nonce` is fresh randomness.
    pub fn seal_answer(&self, sequence: u64, answer: &SignedAnswer, nonce: [u8; 32]) -> QueryAnswer {
        let plain = Zeroizing::new(answer.encode());
        let payload = Payload { msg: &plain, aad: &self.keys.aad(sequence) };
        let cipher = self.keys.answer_cipher(sequence, &nonce);
        let ciphertext = cipher.encrypt(&Nonce::default(), payload).unwrap_or_default();
        QueryAnswer::V1(QueryAnswerV1 { nonce, ciphertext })
    }
}
