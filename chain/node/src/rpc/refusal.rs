//! How this node's own methods refuse: with a row of the project's table, in the `data` of a JSON-RPC error.

use jsonrpsee::types::{ErrorObjectOwned, Params, error::INVALID_PARAMS_CODE};
use phala_primitives::Fault;
use serde::de::DeserializeOwned;
use serde_json::json;

/// An error with this row, and what has happened this time.
pub fn refusal(fault: Fault, reason: impl ToString) -> ErrorObjectOwned {
    let data = json!({ "code": fault.code().to_string(), "class": fault.class().name() });
    ErrorObjectOwned::owned(json_rpc_code(fault), reason.to_string(), Some(data))
}

/// JSON-RPC's own code where it has one, else one of the range that it leaves to servers.
fn json_rpc_code(fault: Fault) -> i32 {
    match fault {
        Fault::RpcParams => INVALID_PARAMS_CODE,
        Fault::RpcBounds => -32001,
        Fault::RpcMissing => -32002,
        _ => -32003,
    }
}

/// The parameters of a call.
pub fn read<T: DeserializeOwned>(params: &Params<'_>) -> Result<T, ErrorObjectOwned> {
    params.parse().map_err(|error: ErrorObjectOwned| {
        let why = error.data().map_or("", |why| why.get());
        refusal(Fault::RpcParams, format!("{}: {why}", error.message()))
    })
}
