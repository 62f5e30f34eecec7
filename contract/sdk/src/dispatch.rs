//! From bytes to a method and back.

use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Bytes32, Error, Result, code, types::json};

/// What [`contract`](macro@crate::contract) makes of a module.
pub trait Contract {
    /// Runs the constructor. `args` is a JSON object.
    fn init(args: &[u8]) -> Result<Vec<u8>>;
    /// Runs a method that is marked `#[command]`.
    fn command(method: &str, args: Value) -> Result<Vec<u8>>;
    /// Runs a method that is marked `#[query]`.
    fn query(method: &str, args: Value) -> Result<Vec<u8>>;
    /// Runs the first call of new code; `from` is the hash of the code that it replaces.
    fn migrate(from: Bytes32, args: &[u8]) -> Result<Vec<u8>>;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    method: String,
    #[serde(default)]
    args: Value,
}

/// Takes an input apart.
pub fn split(input: &[u8]) -> Result<(String, Value)> {
    let Input { method, args } = serde_json::from_slice(input)
        .map_err(|error| Error::new(code::INPUT, format!("expected {{\"method\": …, \"args\": …}}: {error}")))?;
    Ok((method, if args.is_null() { Value::Object(Default::default()) } else { args }))
}

/// Puts an input together.
pub fn input(method: &str, arguments: &impl Serialize) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Output<'a, A> {
        method: &'a str,
        args: &'a A,
    }
    json(&Output { method, args: arguments })
}

/// The arguments of a method.
pub fn arguments<T: DeserializeOwned>(method: &str, args: Value) -> Result<T> {
    serde_json::from_value(args).map_err(|error| Error::new(code::ARGUMENTS, format!("{method}: {error}")))
}

/// The output of a method.
pub fn output(value: &impl Serialize) -> Result<Vec<u8>> {
    json(value)
}
