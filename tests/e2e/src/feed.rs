//! A source of prices on loopback, as a contract meets it: plain, or under a certificate that may be wrong.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Listens until the test's process ends. It answers `/BTC-USD`, and nothing else is there.
pub struct Feed {
    port: u16,
}

impl Feed {
    /// Over plain HTTP.
    pub fn plain() -> Result<Self> {
        Self::listen(answer)
    }

    /// Over TLS, with this certificate.
    pub fn secure(certificate: Certificate) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.leaf], certificate.key)?;
        let config = Arc::new(config);
        Self::listen(move |stream| {
            let Ok(connection) = ServerConnection::new(config.clone()) else { return };
            answer(StreamOwned::new(connection, stream));
        })
    }

    fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
        Ok(Self { port })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// One exchange. A client that goes away in the middle, as one that does not trust the certificate, is none of ours.
fn answer(mut stream: impl Read + Write) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or(0);
    let found = request.get(..length).is_some_and(|request| request.starts_with(b"GET /BTC-USD "));
    let (status, body) = if found { ("200 OK", r#"{"price":"67000.12"}"#) } else { ("404 Not Found", "{}") };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _gone = stream.write_all(format!("{head}{body}").as_bytes()).and_then(|()| stream.flush());
}

/// A certification authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one, with a key of its own.
    pub fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a name.
    pub fn certify(&self, name: &str) -> Result<Certificate> {
        self.sign(CertificateParams::new([name.to_owned()])?)
    }

    /// One whose time is over.
    pub fn certify_in_the_past(&self, name: &str) -> Result<Certificate> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Result<Certificate> {
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?.der().clone();
        Ok(Certificate { leaf, key: PrivateKeyDer::Pkcs8(key.serialize_der().into()) })
    }
}

/// A server's certificate and its key.
pub struct Certificate {
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}
