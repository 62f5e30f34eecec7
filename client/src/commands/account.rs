//! `phala account`.

use clap::Subcommand;
use phala_client::Result;
use phala_primitives::{AccountId, storage_key};
use serde_json::json;

use super::{Common, parse32, pha};
use crate::output;

/// Commands about accounts.
#[derive(Subcommand)]
pub enum Command {
    /// Show what an account owns, read by proof: that of --suri, or another one.
    Balance {
        /// 0x and 64 hex digits.
        #[arg(value_parser = parse32)]
        account: Option<[u8; 32]>,
    },
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    let Command::Balance { account } = command;
    let account = match account {
        Some(account) => AccountId(account),
        None => common.required_signer()?.account(),
    };
    let network = common.network()?;
    let node = common.node(&network).await?;
    // nonce, consumers, providers, sufficients; free, reserved, frozen, flags
    type Entry = ([u32; 4], [u128; 4]);
    let ([nonce, ..], [free, held, ..]) = node.get::<Entry>(storage_key::account(&account)).await?.unwrap_or_default();
    output::result(
        common.json,
        &json!({
            "account": account.to_string(), "free": pha(free), "held": pha(held), "transactions": nonce,
        }),
    );
    Ok(())
}
