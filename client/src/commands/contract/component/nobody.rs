//! A host that nobody is: code is compiled for it and never called.

use phat_engine::{
    Action, ActionError, Assurance, Caller, Code, CryptoError, Ending, HashKind, Host, HostFailure, HttpError, Id,
    KeyKind, Level, Options, OutOfSpace, Request, Response, Step, VrfOutput,
};

/// See the [module's documentation](self).
pub enum Nobody {}

impl Host for Nobody {
    fn caller(&self) -> Caller {
        match *self {}
    }
    fn contract(&self) -> Id {
        match *self {}
    }
    fn cluster(&self) -> u32 {
        match *self {}
    }
    fn block_number(&self) -> u32 {
        match *self {}
    }
    fn block_time_ms(&self) -> u64 {
        match *self {}
    }
    fn value(&self) -> u128 {
        match *self {}
    }
    fn worker(&self) -> (Id, Assurance) {
        match *self {}
    }
    fn now_ms(&self) -> u64 {
        match *self {}
    }
    fn random(&mut self, _: &mut [u8]) -> Result<(), HostFailure> {
        match *self {}
    }
    fn get(&mut self, _: &[u8]) -> Result<Option<Vec<u8>>, HostFailure> {
        match *self {}
    }
    fn set(&mut self, _: Vec<u8>, _: Vec<u8>) -> Result<Result<(), OutOfSpace>, HostFailure> {
        match *self {}
    }
    fn delete(&mut self, _: &[u8]) -> Result<bool, HostFailure> {
        match *self {}
    }
    fn step(&mut self, _: &[u8], _: Option<&[u8]>) -> Result<Option<Step>, HostFailure> {
        match *self {}
    }
    fn public_key(&mut self, _: KeyKind, _: &str) -> Result<Vec<u8>, HostFailure> {
        match *self {}
    }
    fn sign(&mut self, _: KeyKind, _: &str, _: &[u8]) -> Result<Vec<u8>, HostFailure> {
        match *self {}
    }
    fn derive(&mut self, _: &str) -> Result<Id, HostFailure> {
        match *self {}
    }
    fn vrf(&mut self, _: &str, _: &[u8]) -> Result<VrfOutput, HostFailure> {
        match *self {}
    }
    fn hash(&self, _: HashKind, _: &[u8]) -> Vec<u8> {
        match *self {}
    }
    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> Id {
        match *self {}
    }
    fn verify(&self, _: KeyKind, _: &[u8], _: &[u8], _: &[u8]) -> Result<bool, CryptoError> {
        match *self {}
    }
    fn recover(&self, _: &[u8], _: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match *self {}
    }
    fn fetch(&mut self, _: Vec<(Request, Option<Options>)>) -> Vec<Result<Response, HttpError>> {
        match *self {}
    }
    fn enter(&mut self, _: &Id) -> Result<Option<Code<Self>>, HostFailure> {
        match *self {}
    }
    fn leave(&mut self, _: Ending) -> Result<(), HostFailure> {
        match *self {}
    }
    fn balance(&mut self) -> Result<u128, HostFailure> {
        match *self {}
    }
    fn submit(&mut self, _: Action) -> Result<Result<Id, ActionError>, HostFailure> {
        match *self {}
    }
    fn transfer(&mut self, _: &Id, _: u128) -> Result<Result<(), ActionError>, HostFailure> {
        match *self {}
    }
    fn emit(&mut self, _: String, _: Vec<u8>) -> Result<(), HostFailure> {
        match *self {}
    }
    fn log(&mut self, _: Level, _: &str) {
        match *self {}
    }
}
