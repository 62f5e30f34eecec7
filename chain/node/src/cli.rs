//! The command line.

/// A full node and validator of the Phala chain.
#[derive(Debug, clap::Parser)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    /// A subcommand instead of running the node.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    /// How to run the node.
    #[command(flatten)]
    pub run: sc_cli::RunCmd,
}

const EXAMPLES: &str = "\
Examples:
  phala-node --dev                          a chain of one validator that forgets everything when it stops
  phala-node --chain local --alice          the first of the four validators of the local network
  phala-node --chain FILE                   a full node of the network whose chain spec this is
  phala-node export-chain-spec --chain dev  print a chain spec, to be edited and given to --chain

A validator has a network key that lasts, and says where it is reached:
  phala-node key generate-node-key --chain FILE --default-base-path
  phala-node --chain FILE --validator --public-addr /dns/validator.example.org/tcp/30333";

/// What the binary does besides running.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Key management.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Print a chain spec.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Check blocks again.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Write blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Write the state of a block as a chain spec.
    ExportState(sc_cli::ExportStateCmd),

    /// Read blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Delete the data of a chain.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Go back to an earlier, not yet finalised block.
    Revert(sc_cli::RevertCmd),

    /// Print what the database knows of the chain.
    ChainInfo(sc_cli::ChainInfoCmd),
}
