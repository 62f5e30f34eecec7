//! `phala account`.

use clap::Subcommand;
use phala_client::{Node, Result};
use phala_primitives::{AccountId, message::Balance, storage_key};
use serde_json::json;

use super::{Common, parse32, pha};
use crate::output;

/// Commands about accounts.
#[derive(Subcommand)]
pub enum Command {
    /// Show what an account owns, read by proof: that of --suri or --keystore, or another one.
    #[command(after_help = "Examples:
  phala account balance
  phala account balance 0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48
  phala account balance --keystore alice.json --password-file secret")]
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
    let Funds { transactions, free, held } = funds(&node, &account).await?;
    output::result(
        common.json,
        &json!({
            "account": account.to_string(), "free": pha(free), "held": pha(held), "transactions": transactions,
        }),
    );
    Ok(())
}

/// What an account owns, in planck.
pub struct Funds {
    /// Transactions that it has signed.
    pub transactions: u32,
    /// What it can pay with.
    pub free: Balance,
    /// What is on hold.
    pub held: Balance,
}

/// Reads it by proof.
pub async fn funds(node: &Node, account: &AccountId) -> Result<Funds> {
    // nonce, consumers, providers, sufficients; free, reserved, frozen, flags
    type Entry = ([u32; 4], [u128; 4]);
    let entry: Option<Entry> = node.get(storage_key::account(account)).await?;
    let ([transactions, ..], [free, held, ..]) = entry.unwrap_or_default();
    Ok(Funds { transactions, free, held })
}
