//! TLS that ends inside the worker.

use std::{sync::Arc, time::Duration};

use phala_primitives::cluster::HttpPolicy;
use phat_engine::HttpError;
use rustls::{ClientConfig, RootCertStore, time_provider::TimeProvider};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Url;

use crate::server::now_ms;

/// The host's clock, but never behind the chain's: a host cannot make an expired certificate valid again.
#[derive(Debug)]
struct ProvenTime {
    chain_ms: u64,
}

impl TimeProvider for ProvenTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(now_ms().max(self.chain_ms))))
    }
}

/// Trusts the public roots and those that the cluster's policy lists.
pub fn config(policy: &HttpPolicy, chain_ms: u64) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in &policy.extra_roots {
        let added = roots.add(CertificateDer::from(root.to_vec()));
        added.map_err(|error| format!("a root certificate of the cluster's policy: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(ProvenTime { chain_ms }))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Shakes hands with the URL's host over a connection.
pub async fn connect(
    config: Arc<ClientConfig>,
    url: &Url,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, HttpError> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|error| HttpError::Tls(error.to_string()))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| HttpError::Tls(error.to_string()))
}
