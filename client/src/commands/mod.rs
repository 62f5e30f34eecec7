//! The commands, a module each.

pub mod account;
pub mod cluster;
pub mod contract;
mod keystore;
pub mod network;
pub mod verify;
pub mod worker;

use std::path::PathBuf;

use clap::Args;
use phala_client::{Because as _, Fault, Node, Result};
use phala_extrinsics::{Call, Chain, Included, Network, Signer};
use phala_primitives::Assurance;

use crate::output::Progress;

/// Options of all commands.
#[derive(Args)]
pub struct Common {
    /// WebSocket URL of a node. It is not trusted.
    #[arg(long, global = true, env = "PHALA_NODE", default_value = "ws://127.0.0.1:9944")]
    pub url: String,
    /// The network file: the genesis and first authorities of the chain, and whose evidence counts.
    #[arg(long, global = true, env = "PHALA_NETWORK")]
    pub network: Option<PathBuf>,
    /// The account that signs: //Alice and the like, a mnemonic, or @FILE with one.
    #[arg(long, global = true, env = "PHALA_SURI", hide_env_values = true)]
    pub suri: Option<String>,
    /// The account that signs, from a JSON keystore as polkadot.js and wallets export it. Goes before --suri.
    #[arg(long, global = true, value_name = "FILE")]
    pub keystore: Option<PathBuf>,
    /// A file with the keystore's password. Default: the terminal is asked.
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Common {
    /// The network.
    pub fn network(&self) -> Result<Network> {
        let path = self.network.as_ref().ok_or_else(|| {
            Fault::NetworkFile.because(
                "which network? Give its file with --network or PHALA_NETWORK (the devnet prints the line for its own; \
                 `phala network trust-node` makes one of a node that you trust)",
            )
        })?;
        Ok(Network::read(path)?)
    }

    /// The account, if one is given. May ask the terminal for a password.
    pub fn signer(&self) -> Result<Option<Signer>> {
        if let Some(file) = &self.keystore {
            return keystore::open(file, self.password_file.as_deref()).map(Some);
        }
        if self.password_file.is_some() {
            return Err(Fault::Key.because("a password without a keystore: give its file with --keystore"));
        }
        let signer = self.suri.as_ref().map(|uri| match uri.strip_prefix('@') {
            Some(file) => Signer::from_file(file.as_ref()),
            None => Signer::from_uri(uri),
        });
        Ok(signer.transpose()?)
    }

    /// The account, which is needed.
    pub fn required_signer(&self) -> Result<Signer> {
        self.signer()?.ok_or_else(|| {
            Fault::NoAccount.because("which account signs? Give it with --suri, PHALA_SURI or --keystore")
        })
    }

    /// A node, checked by a light client.
    pub async fn node(&self, network: &Network) -> Result<Node> {
        Node::connect(&self.url, network).await
    }

    /// The way to submit transactions.
    pub async fn chain(&self, network: &Network) -> Result<Chain> {
        Ok(Chain::connect(&self.url, Some(network.genesis())).await?)
    }

    /// Signs and submits a call, and waits for finality.
    pub async fn submit(&self, network: &Network, signer: &Signer, call: &Call) -> Result<Included> {
        let chain = self.chain(network).await?;
        let _progress = Progress::new("waiting for finality");
        Ok(chain.submit(signer, call).await?.finalized().await?)
    }
}

/// 32 bytes of hex, with or without `0x`.
pub fn parse32(text: &str) -> std::result::Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes)
        .map_err(|_| "expected 0x and 64 hex digits".to_owned())?;
    Ok(bytes)
}

/// An assurance, by its name.
pub fn parse_assurance(text: &str) -> std::result::Result<Assurance, String> {
    match text {
        "software" => Ok(Assurance::Software),
        "hardware" => Ok(Assurance::Hardware),
        _ => Err("expected software or hardware".to_owned()),
    }
}

/// PHA as people write it, in planck.
pub fn parse_pha(text: &str) -> std::result::Result<u128, String> {
    const DECIMALS: usize = 12;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fits = fraction.len() <= DECIMALS && !whole.is_empty();
    let digits = format!("{whole}{fraction:0<DECIMALS$}");
    let planck = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    planck.filter(|_| fits).ok_or_else(|| "expected an amount of PHA such as 1 or 0.25".to_owned())
}

/// Planck as people read it.
pub fn pha(planck: u128) -> String {
    const UNIT: u128 = 1_000_000_000_000;
    let fraction = format!("{:012}", planck % UNIT);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{} PHA", planck / UNIT) } else { format!("{}.{fraction} PHA", planck / UNIT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_go_both_ways() {
        for (text, planck, shown) in [
            ("1", 1_000_000_000_000, "1 PHA"),
            ("0.25", 250_000_000_000, "0.25 PHA"),
            ("0.000000000001", 1, "0.000000000001 PHA"),
            ("1000000000", 1_000_000_000_000_000_000_000, "1000000000 PHA"),
        ] {
            assert_eq!(parse_pha(text), Ok(planck));
            assert_eq!(pha(planck), shown);
        }
        for wrong in ["", ".5", "1.0000000000001", "-1", "1e3", "1,5"] {
            assert!(parse_pha(wrong).is_err(), "{wrong}");
        }
    }
}
