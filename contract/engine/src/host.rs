//! The environment of a contract: one trait that lists every capability.

use crate::{
    Code, HostFailure,
    world::{
        Action, ActionError, Assurance, CryptoError, HashKind, HttpError, KeyKind, Level, Options, Request, Response,
        VrfOutput,
    },
};

/// The id of a contract, an account or a worker, or a hash.
pub type Id = [u8; 32];

/// Who is calling. The host vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An account.
    Account(Id),
    /// A contract, by an action that it signed. Calls inside a cluster the engine reports by itself.
    Contract(Id),
    /// The chain, by its rules.
    Chain,
    /// A query that nobody signed.
    Anonymous,
}

/// Why a write was refused: the contract's deposit does not pay for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfSpace;

/// How a nested call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its effects become effects of the caller.
    Keep,
    /// Its effects are dropped.
    Drop,
}

/// A storage key, and its value if it has one.
pub type Step = (Vec<u8>, Option<Vec<u8>>);

/// What a worker does for a contract.
///
/// The engine has checked mode, lengths and gas before it asks; the host answers. In `init`, `command` and `migrate` every answer must be a function
/// of log and state alone, or workers will disagree. **Effects are the host's to buffer**: whoever calls [`crate::Engine::call`] applies them if the outcome is
/// [`crate::Outcome::Ok`] and drops them otherwise; for nested calls the engine says so by [`Host::leave`].
///
/// A [`HostFailure`] gives the whole step up: it is for what another worker, or this one later, might not suffer.
pub trait Host: Sized + Send + 'static {
    /// Who stands behind the call that [`crate::Engine::call`] runs.
    fn caller(&self) -> Caller;
    /// The contract that runs: after [`Host::enter`] the one entered, until the matching [`Host::leave`].
    fn contract(&self) -> Id;
    /// The cluster's number.
    fn cluster(&self) -> u32;
    /// The block of the message, or that of the snapshot.
    fn block_number(&self) -> u32;
    /// Chain time of that block, in milliseconds since the Unix epoch.
    fn block_time_ms(&self) -> u64;
    /// What the message brings along, in planck.
    fn value(&self) -> u128;
    /// This worker's id and assurance. Queries only.
    fn worker(&self) -> (Id, Assurance);
    /// The clock, in milliseconds since the Unix epoch, never behind proven chain time. Queries only.
    fn now_ms(&self) -> u64;
    /// Fills `bytes` with randomness. Queries only.
    fn random(&mut self, bytes: &mut [u8]) -> Result<(), HostFailure>;

    /// The value of a key of the running contract.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, HostFailure>;
    /// Sets a key. Never in queries.
    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<Result<(), OutOfSpace>, HostFailure>;
    /// Removes a key and says whether it was there. Never in queries.
    fn delete(&mut self, key: &[u8]) -> Result<bool, HostFailure>;
    /// The first key with this prefix that is greater than `after`, in the order of byte strings, with its value; without one for a
    /// key that was removed and still costs a look-up. Each step is paid for.
    fn step(&mut self, prefix: &[u8], after: Option<&[u8]>) -> Result<Option<Step>, HostFailure>;

    /// The public half of a signing key. `label` has 1 to 64 bytes.
    fn public_key(&mut self, kind: KeyKind, label: &str) -> Result<Vec<u8>, HostFailure>;
    /// A signature; deterministic but in queries. For `secp256k1` the message is a digest of 32 bytes.
    fn sign(&mut self, kind: KeyKind, label: &str, message: &[u8]) -> Result<Vec<u8>, HostFailure>;
    /// Secret bytes for the contract's own use.
    fn derive(&mut self, label: &str) -> Result<Id, HostFailure>;
    /// Output and proof of the VRF.
    fn vrf(&mut self, label: &str, input: &[u8]) -> Result<VrfOutput, HostFailure>;

    /// A hash.
    fn hash(&self, kind: HashKind, data: &[u8]) -> Vec<u8>;
    /// HMAC-SHA256.
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> Id;
    /// Whether a signature is right. For `secp256k1` the message is a digest of 32 bytes.
    fn verify(&self, kind: KeyKind, key: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, CryptoError>;
    /// The compressed public key behind a `secp256k1` signature. `digest` has 32 bytes.
    fn recover(&self, digest: &[u8], signature: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// Exchanges side by side, answered in their order. Blocks until all are done; the engine's deadline does not interrupt it, so the host keeps to it
    /// by itself. At most 16 at once. Queries only.
    fn fetch(&mut self, requests: Vec<(Request, Option<Options>)>) -> Vec<Result<Response, HttpError>>;

    /// Begins a nested transaction in which `contract` runs, and gives its code; nothing if there is no such live contract (and then no transaction).
    fn enter(&mut self, contract: &Id) -> Result<Option<Code<Self>>, HostFailure>;
    /// Ends the innermost nested transaction.
    fn leave(&mut self, ending: Ending) -> Result<(), HostFailure>;

    /// What the running contract owns, in planck, as this call sees it.
    fn balance(&mut self) -> Result<u128, HostFailure>;
    /// Signs an action and takes it for submission. Returns its id.
    fn submit(&mut self, action: Action) -> Result<Result<Id, ActionError>, HostFailure>;
    /// Moves planck to an account. Never in queries.
    fn transfer(&mut self, to: &Id, planck: u128) -> Result<Result<(), ActionError>, HostFailure>;

    /// Takes an event. Never in queries.
    fn emit(&mut self, topic: String, data: Vec<u8>) -> Result<(), HostFailure>;
    /// Takes a line for the contract's author.
    fn log(&mut self, level: Level, line: &str);
}
