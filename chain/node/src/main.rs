//! `phala-node`: a full node and validator of the Phala chain. Service, chain specs and RPC glue; nothing else.

mod chain_spec;
mod cli;
mod command;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
