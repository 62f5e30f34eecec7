//! `phala-soft-tee`: a software TEE as a separate process. See `--help`, and `PROTOCOL.md` for what it speaks.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use phala_soft_tee::{DEVELOPMENT_SEED, Format, Program, Seed, Statement, Vendor, measure_file, server::Server};
use signal_hook::{consts::TERM_SIGNALS, iterator::Signals};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long callers that are being served may take after a signal to stop.
const GRACE: Duration = Duration::from_secs(3);

/// A software TEE for development networks: issues SGX and TDX quotes of the real formats under a root of its own.
///
/// It protects nothing from the operator of this machine. Chains accept its quotes only if they list its root, and show
/// "software" as the assurance of every worker that it vouches for.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  phala-soft-tee serve --socket .devnet/soft-tee/socket
  phala-soft-tee root                               # goes into the genesis of a development chain
  phala-soft-tee measure target/release/phala-worker
  phala-soft-tee quote --executable target/release/phala-worker --report-data <128 hex digits> --out evidence.bin"
)]
struct Cli {
    /// Where the vendor's keys come from: 64 hex digits, a text, or @FILE with either. The default is public and gives
    /// the root that development networks trust. A seed on the command line is visible to other users: use @FILE.
    #[arg(long, global = true, env = "PHALA_SOFT_TEE_SEED", default_value = DEVELOPMENT_SEED, hide_env_values = true)]
    seed: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer callers on a Unix socket until SIGTERM or SIGINT. Prints a line when it listens. RUST_LOG sets the log level.
    Serve {
        /// The socket, in a directory that only this user can enter (it is made if it is missing).
        #[arg(long)]
        socket: PathBuf,
        /// What quotes to issue: sgx3, tdx4, tdx5, tdx5-td15 or tdx5-td15ex.
        #[arg(long, default_value_t = Format::Tdx4)]
        format: Format,
        /// Also give sealing keys, each bound to the caller's measurement.
        #[arg(long)]
        sealing: bool,
    },
    /// Print the vendor's root as a development chain lists it: JSON with the certificate (DER) in hex.
    Root {
        /// Print only the certificate, in hex.
        #[arg(long)]
        hex: bool,
    },
    /// Print the measurement of an executable: its SHA-384 in hex. SGX has the first 32 bytes of it, and zeros.
    Measure {
        /// The executable.
        file: PathBuf,
    },
    /// Write evidence about an executable that need not run: for tests and tools.
    Quote {
        /// What to bind: 64 bytes in hex.
        #[arg(long)]
        report_data: String,
        /// The executable.
        #[arg(long)]
        executable: PathBuf,
        /// What quote to issue: sgx3, tdx4, tdx5, tdx5-td15 or tdx5-td15ex.
        #[arg(long, default_value_t = Format::Tdx4)]
        format: Format,
        /// Where the evidence goes.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let cli = Cli::parse();
    let vendor = || Vendor::new(seed(&cli.seed)?).context("the vendor's PKI cannot be made");
    match cli.command {
        Command::Serve { socket, format, sealing } => serve(&socket, vendor()?, format, sealing),
        Command::Root { hex } => print_root(&vendor()?, hex),
        Command::Measure { file } => {
            println!("{}", measure_file(&file).with_context(|| file.display().to_string())?);
            Ok(())
        }
        Command::Quote { report_data, executable, format, out } => {
            let mut bytes = [0; 64];
            let digits = report_data.strip_prefix("0x").unwrap_or(&report_data);
            hex::decode_to_slice(digits, &mut bytes).context("--report-data: expected 64 bytes in hex")?;
            let measurement = measure_file(&executable).with_context(|| executable.display().to_string())?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            let program = Program::new(format, measurement, bytes);
            let evidence = vendor()?.evidence_as(format, &program, &Statement::at(now))?;
            fs::write(&out, codec::Encode::encode(&evidence)).with_context(|| out.display().to_string())
        }
    }
}

fn seed(argument: &str) -> anyhow::Result<Seed> {
    let Some(file) = argument.strip_prefix('@') else { return Ok(Seed::from_text(argument)) };
    let text = fs::read_to_string(file).with_context(|| format!("--seed: {file}"))?;
    if text.trim().is_empty() {
        bail!("--seed: {file} is empty");
    }
    Ok(Seed::from_text(text.trim()))
}

fn print_root(vendor: &Vendor, hex: bool) -> anyhow::Result<()> {
    let root = vendor.trusted_root()?;
    if hex {
        println!("0x{}", hex::encode(&root.certificate));
    } else {
        println!("{}", serde_json::to_string_pretty(&root)?);
    }
    Ok(())
}

fn serve(socket: &std::path::Path, vendor: Vendor, format: Format, sealing: bool) -> anyhow::Result<()> {
    let mut signals = Signals::new(TERM_SIGNALS).context("cannot handle signals")?;
    let server = Server::bind(socket, vendor, format, sealing).with_context(|| socket.display().to_string())?;
    server.start()?;
    println!("listening on {}", socket.display());
    log::info!("software TEE on {}: no hardware stands behind its quotes", socket.display());
    if let Some(signal) = signals.forever().next() {
        log::info!("signal {signal}: stopping");
    }
    server.drain(GRACE);
    Ok(())
}
