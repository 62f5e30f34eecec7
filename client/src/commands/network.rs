//! `phala network`.

use std::path::PathBuf;

use clap::Subcommand;
use phala_attestation::TrustedRoot;
use phala_client::{Failure, Node, Result, answer::word};
use serde_json::json;

use super::Common;
use crate::output;

/// Commands about network files.
#[derive(Subcommand)]
pub enum Command {
    /// Show what the network file says.
    Show,
    /// Write a network file of what the node says. **Nothing checks it**: only for a node that you run yourself. It trusts Intel's
    /// root for evidence; for a development chain add the root that `phala-soft-tee root` prints.
    TrustNode {
        /// Where to.
        #[arg(long)]
        out: PathBuf,
        /// A root of evidence beside Intel's: JSON as `phala-soft-tee root` prints it.
        #[arg(long)]
        root: Vec<PathBuf>,
    },
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    match command {
        Command::Show => {
            let network = common.network()?;
            let roots: Vec<_> = network.roots.iter().map(|root| word(root.assurance)).collect();
            output::result(
                common.json,
                &json!({
                    "name": network.name, "genesis": format!("0x{}", hex::encode(network.genesis())),
                    "authorities": network.light_client().authorities.len(), "roots": roots,
                }),
            );
        }
        Command::TrustNode { out, root } => {
            let mut roots = vec![TrustedRoot::intel()];
            for path in root {
                let text =
                    std::fs::read(&path).map_err(|error| Failure::user(format!("{}: {error}", path.display())))?;
                roots.push(
                    serde_json::from_slice(&text)
                        .map_err(|error| Failure::user(format!("{}: {error}", path.display())))?,
                );
            }
            let network = Node::unchecked_network(&common.url, roots).await?;
            std::fs::write(&out, network.to_json())
                .map_err(|error| Failure::user(format!("{}: {error}", out.display())))?;
            eprintln!("warning: {} is what {} says; nothing has checked it", out.display(), common.url);
        }
    }
    Ok(())
}
