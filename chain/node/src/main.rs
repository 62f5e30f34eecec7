//! `phala-node`: a full node and validator of the Phala chain. Service, chain specs and RPC glue; nothing else.

#![allow(clippy::result_large_err, reason = "the error type of the SDK's service")]

mod chain_spec;
mod cli;
mod command;
mod discovery;
mod launch;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
