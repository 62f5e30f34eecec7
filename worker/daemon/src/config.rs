//! How a worker is told what to be: a file, the environment, flags; the later ones win.

pub mod logs;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use phala_primitives::ClusterId;
use serde::Deserialize;

use logs::LogFormat;

/// The version of the configuration file.
const VERSION: u32 = 1;
/// Finality takes a few blocks; ten of the slowest chain are no news.
const STALL_AFTER: Duration = Duration::from_secs(60);
/// Less would leave nodes that are well.
const LEAST_STALL: Duration = Duration::from_secs(5);

/// Options of `phala-worker run`. Each is also a key of the file, with `_` for `-`.
///
/// No `Debug`: the operator's key may be among them.
#[derive(Args, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// TOML file with any of these options, and `version = 1`.
    #[arg(long, env = "PHALA_WORKER_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    #[arg(skip)]
    version: Option<u32>,
    /// The network file: the chain's genesis, its first authorities, the roots of evidence.
    #[arg(long, env = "PHALA_WORKER_NETWORK")]
    pub network: Option<PathBuf>,
    /// WebSocket URL of a node. Several may be given; none of them is trusted.
    #[arg(long = "node", env = "PHALA_WORKER_NODE", value_delimiter = ',')]
    #[serde(default)]
    pub node: Vec<String>,
    /// Where state is kept, sealed.
    #[arg(long, env = "PHALA_WORKER_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The cluster to serve.
    #[arg(long, env = "PHALA_WORKER_CLUSTER")]
    pub cluster: Option<u32>,
    /// Address of the HTTP API; port 0 takes a free one.
    #[arg(long, env = "PHALA_WORKER_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// URL under which clients and peers reach the HTTP API. Default: `http://` and the address it listens on.
    #[arg(long, env = "PHALA_WORKER_ENDPOINT")]
    pub endpoint: Option<String>,
    /// The operator's account, which pays and signs transactions: a secret URI such as //Alice, or @FILE with one.
    #[arg(long, env = "PHALA_WORKER_OPERATOR", hide_env_values = true)]
    pub operator: Option<String>,
    /// Tells several workers of one operator apart: any text.
    #[arg(long, env = "PHALA_WORKER_NAME")]
    pub name: Option<String>,
    /// What vouches for this process: `soft-tee:SOCKET`.
    #[arg(long, env = "PHALA_WORKER_PLATFORM")]
    pub platform: Option<String>,
    /// Seconds after which a node that shows no newer finalised block is left for the next. Default: 60.
    #[arg(long, env = "PHALA_WORKER_STALL_AFTER", value_name = "SECONDS")]
    pub stall_after: Option<u64>,
    /// Threads for queries. Default: twice the cores.
    #[arg(long, env = "PHALA_WORKER_THREADS")]
    pub threads: Option<usize>,
    /// Lines of the log: `text`, or `json` for what collects them. Default: text.
    #[arg(long, env = "PHALA_WORKER_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// What a worker runs with.
pub struct Config {
    pub network: phala_extrinsics::Network,
    pub nodes: Vec<String>,
    pub data_dir: PathBuf,
    pub cluster: ClusterId,
    pub listen: SocketAddr,
    pub endpoint: Option<String>,
    pub operator: phala_extrinsics::Signer,
    pub name: String,
    pub platform: PlatformChoice,
    pub stall_after: Duration,
    pub threads: usize,
    pub log_format: LogFormat,
}

/// What vouches for this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformChoice {
    /// The software TEE that listens on this socket.
    SoftTee(PathBuf),
}

impl Options {
    /// The file's options below these.
    fn with_file(self) -> Result<Self> {
        let Some(path) = &self.config else { return Ok(self) };
        let text = std::fs::read_to_string(path).with_context(|| format!("the configuration {}", path.display()))?;
        let file: Self = toml::from_str(&text).map_err(|error| {
            // not the error's own text, which shows the line: the operator's key may be on it
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            anyhow!("the configuration {}, line {line}: {}", path.display(), without_values(error.message()))
        })?;
        match file.version {
            Some(VERSION) => {}
            Some(other) => bail!("{}: version {other} is not known to this program", path.display()),
            None => bail!("{}: put `version = {VERSION}` at its top", path.display()),
        }
        Ok(Self {
            config: None,
            version: None,
            network: self.network.or(file.network),
            node: if self.node.is_empty() { file.node } else { self.node },
            data_dir: self.data_dir.or(file.data_dir),
            cluster: self.cluster.or(file.cluster),
            listen: self.listen.or(file.listen),
            endpoint: self.endpoint.or(file.endpoint),
            operator: self.operator.or(file.operator),
            name: self.name.or(file.name),
            platform: self.platform.or(file.platform),
            stall_after: self.stall_after.or(file.stall_after),
            threads: self.threads.or(file.threads),
            log_format: self.log_format.or(file.log_format),
        })
    }

    /// Checked and complete.
    pub fn resolve(self) -> Result<Config> {
        let options = self.with_file()?;
        let needed = |name: &str| format!("{name} is missing: give it as a flag, in the environment or in the file");
        let network = options.network.with_context(|| needed("--network"))?;
        let network = phala_extrinsics::Network::read(&network)?;
        ensure!(!options.node.is_empty(), needed("--node"));
        for url in &options.node {
            let parsed = url::Url::parse(url).with_context(|| format!("--node {url}"))?;
            ensure!(matches!(parsed.scheme(), "ws" | "wss"), "--node {url}: expected ws:// or wss://");
        }
        let operator = options.operator.with_context(|| needed("--operator"))?;
        let operator = match operator.strip_prefix('@') {
            Some(file) => phala_extrinsics::Signer::from_file(file.as_ref())?,
            None => phala_extrinsics::Signer::from_uri(&operator)?,
        };
        let platform = options.platform.with_context(|| needed("--platform"))?;
        let platform = match platform.split_once(':') {
            Some(("soft-tee", socket)) if !socket.is_empty() => PlatformChoice::SoftTee(socket.into()),
            _ => bail!("--platform {platform}: expected soft-tee:SOCKET"),
        };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Ok(Config {
            network,
            nodes: options.node,
            data_dir: options.data_dir.with_context(|| needed("--data-dir"))?,
            cluster: ClusterId(options.cluster.unwrap_or(0)),
            listen: options.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
            endpoint: options.endpoint.map(endpoint).transpose()?,
            operator,
            name: options.name.unwrap_or_else(|| "worker".into()),
            platform,
            stall_after: options.stall_after.map_or(STALL_AFTER, Duration::from_secs).max(LEAST_STALL),
            threads: options.threads.unwrap_or(cores.saturating_mul(2)).clamp(1, 256),
            log_format: options.log_format.unwrap_or_default(),
        })
    }
}

/// What TOML has against a file, without the strings that it found there: only names are put into `` ` ``.
fn without_values(message: &str) -> String {
    message.split('"').enumerate().map(|(part, text)| if part % 2 == 0 { text } else { "\"…\"" }).collect()
}

/// The API's URL as others will use it.
fn endpoint(text: String) -> Result<String> {
    let parsed = url::Url::parse(&text).with_context(|| format!("--endpoint {text}"))?;
    ensure!(matches!(parsed.scheme(), "http" | "https"), "--endpoint {text}: expected http:// or https://");
    ensure!(
        parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none(),
        "--endpoint {text}: everybody will read it, leave out names, passwords and what follows a '?'"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Options> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.toml");
        std::fs::write(&path, text).unwrap();
        Options { config: Some(path), ..Options::default() }.with_file()
    }

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.toml");
        std::fs::write(&path, "version = 1\ncluster = 3\nnode = ['ws://a']\n").unwrap();
        let flags = Options { config: Some(path), cluster: Some(4), ..Options::default() };
        let options = flags.with_file().unwrap();
        assert_eq!((options.cluster, options.node), (Some(4), vec!["ws://a".to_owned()]));
    }

    #[test]
    fn unknown_keys_and_versions_are_refused() {
        for (text, expected) in [
            ("version = 1\nclutser = 3\n", "clutser"),
            ("version = 9\n", "version 9"),
            ("cluster = 3\n", "version = 1"),
            ("not toml", "configuration"),
        ] {
            let error = format!("{:#}", from_file(text).err().unwrap());
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Options::default().resolve().err().unwrap().to_string();
        assert!(error.contains("--network"), "{error}");
    }

    /// Arguments as `phala-worker run` takes them.
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn line(arguments: &[&str]) -> Options {
        let arguments = ["run"].iter().chain(arguments);
        <Line as clap::Parser>::try_parse_from(arguments).unwrap().options
    }

    #[test]
    fn every_flag_is_a_key_of_the_file() {
        let flags = line(&[
            "--network=n.json",
            "--node=ws://a,ws://b",
            "--data-dir=d",
            "--cluster=3",
            "--listen=127.0.0.1:8",
            "--endpoint=http://e",
            "--operator=//Bob",
            "--name=w",
            "--platform=soft-tee:s",
            "--stall-after=30",
            "--threads=4",
            "--log-format=json",
        ]);
        let file = from_file(
            "version = 1\nnetwork = 'n.json'\nnode = ['ws://a', 'ws://b']\ndata_dir = 'd'\ncluster = 3\n\
             listen = '127.0.0.1:8'\nendpoint = 'http://e'\noperator = '//Bob'\nname = 'w'\n\
             platform = 'soft-tee:s'\nstall_after = 30\nthreads = 4\nlog_format = 'json'\n",
        )
        .unwrap();
        assert!(flags.network.is_some() && flags.network == file.network);
        assert!(flags.node == ["ws://a", "ws://b"] && flags.node == file.node);
        assert!(flags.data_dir.is_some() && flags.data_dir == file.data_dir);
        assert_eq!((flags.cluster, file.cluster), (Some(3), Some(3)));
        assert!(flags.listen.is_some() && flags.listen == file.listen);
        assert!(flags.endpoint.is_some() && flags.endpoint == file.endpoint);
        assert!(flags.operator.is_some() && flags.operator == file.operator);
        assert!(flags.name.is_some() && flags.name == file.name);
        assert!(flags.platform.is_some() && flags.platform == file.platform);
        assert_eq!((flags.stall_after, file.stall_after), (Some(30), Some(30)));
        assert_eq!((flags.threads, file.threads), (Some(4), Some(4)));
        assert_eq!((flags.log_format, file.log_format), (Some(LogFormat::Json), Some(LogFormat::Json)));
    }

    #[test]
    fn an_error_in_the_file_names_the_line_and_does_not_show_the_key() {
        for text in [
            "version = 1\noperator = 'bottom drive obey lake\n",
            "version = 1\noperator = 'bottom drive obey lake' x\n",
            "version = 1\ncluster = 'bottom drive obey lake'\n",
            "version = 1\nlisten = 'bottom drive obey lake'\n",
            "version = 1\nnode = \"bottom drive obey lake\"\n",
            "version = 1\nlog_format = 'bottom drive obey lake'\n",
        ] {
            let error = format!("{:#}", from_file(text).err().unwrap());
            assert!(error.contains("line 2"), "{error}");
            assert!(!error.contains("drive"), "{error}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_without_secrets() {
        for text in ["https://worker.example", "http://127.0.0.1:8000/base"] {
            assert_eq!(endpoint(text.into()).unwrap(), text);
        }
        for text in ["worker.example", "ws://worker.example", "https://me:secret@worker.example", "https://w/?key=1"] {
            assert!(endpoint(text.into()).is_err(), "{text}");
        }
    }
}
