//! `phala network`.

use std::path::PathBuf;

use clap::Subcommand;
use phala_attestation::TrustedRoot;
use phala_client::{Because as _, Fault, Node, Result, answer::word};
use phala_light_client::LightClient;
use serde_json::json;

use super::Common;
use crate::output;

/// Commands about network files.
#[derive(Subcommand)]
pub enum Command {
    /// Show what the network file says.
    #[command(after_help = "Examples:
  phala network show --network network.json")]
    Show,
    /// Write a network file of what the node says. **Nothing checks that it is the right chain**: only for a node that you run
    /// yourself. The file holds block 0 and a proof of its first authorities.
    #[command(after_help = "Examples:
  phala network trust-node --url ws://127.0.0.1:9944 --out network.json
  phala-soft-tee root > root.json && phala network trust-node --out network.json --name mine --root root.json")]
    TrustNode {
        /// Where to.
        #[arg(long)]
        out: PathBuf,
        /// What to call the network. Default: as the node calls its chain.
        #[arg(long)]
        name: Option<String>,
        /// A root of evidence, instead of Intel's: JSON as `phala-soft-tee root` prints it. May be given several times.
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
            let light = LightClient::new(&network.light_client()).map_err(|error| Fault::NetworkFile.because(error))?;
            let authorities = light.authorities().list().len();
            output::result(
                common.json,
                &json!({
                    "name": network.name, "genesis": format!("0x{}", hex::encode(network.genesis())),
                    "authorities": authorities, "roots": roots,
                }),
            );
        }
        Command::TrustNode { out, name, root } => {
            let mut roots = if root.is_empty() { vec![TrustedRoot::intel()] } else { Vec::new() };
            for path in root {
                let text = std::fs::read(&path)
                    .map_err(|error| Fault::File.because(format!("{}: {error}", path.display())))?;
                roots.push(
                    serde_json::from_slice(&text)
                        .map_err(|error| Fault::File.because(format!("{}: {error}", path.display())))?,
                );
            }
            let network = Node::unchecked_network(&common.url, name, roots).await?;
            std::fs::write(&out, network.to_json())
                .map_err(|error| Fault::File.because(format!("{}: {error}", out.display())))?;
            let genesis = format!("0x{}", hex::encode(network.genesis()));
            output::result(common.json, &json!({ "file": out.display().to_string(), "genesis": genesis }));
            eprintln!("warning: {} is what {} says; nothing has checked it", out.display(), common.url);
        }
    }
    Ok(())
}
