//! Against real servers on loopback.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};

use super::*;

/// Answers each connection with what `answer` makes of the request's first line.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let line = request_line(&mut stream);
            let _gone = stream.write_all(answer(&line).as_bytes());
        }
    });
    port
}

fn request_line(stream: &mut impl Read) -> String {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap_or(0);
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        line.clear();
    }
    first
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

fn get(url: &str) -> Request {
    Request { method: "GET".into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
}

fn open() -> HttpPolicy {
    HttpPolicy { allow_http: true, allow_loopback: true, extra_roots: Default::default() }
}

fn fetch(policy: &HttpPolicy, request: Request, options: Option<Options>) -> Result<Response, HttpError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let egress = Egress::new(runtime.handle().clone());
    egress.fetch(policy, vec![(request, options)], 0, now_ms() + 5_000).remove(0)
}

#[test]
fn a_page_comes_back_with_status_headers_and_url() {
    let port = serve(|line| ok(line));
    let url = format!("http://127.0.0.1:{port}/a?b=c");
    let response = fetch(&open(), get(&url), None).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.body, b"GET /a?b=c HTTP/1.1\r\n");
    assert_eq!(response.url, url);
    assert!(response.headers.iter().any(|(name, _)| name == "content-length"));
}

#[test]
fn the_policy_decides_and_not_the_contract() {
    let port = serve(|_| ok("secret"));
    let url = format!("http://127.0.0.1:{port}/");
    let closed = HttpPolicy { allow_loopback: false, ..open() };
    assert!(matches!(fetch(&closed, get(&url), None), Err(HttpError::Forbidden(_))));
    let by_name = format!("http://localhost:{port}/");
    assert!(matches!(fetch(&closed, get(&by_name), None), Err(HttpError::Forbidden(_))));
    let mapped = format!("http://[::ffff:127.0.0.1]:{port}/");
    assert!(matches!(fetch(&closed, get(&mapped), None), Err(HttpError::Forbidden(_))));
    let secure_only = HttpPolicy { allow_http: false, ..open() };
    assert!(matches!(fetch(&secure_only, get(&url), None), Err(HttpError::Forbidden(_))));
    assert!(matches!(fetch(&open(), get("file:///etc/passwd"), None), Err(HttpError::BadRequest(_))));
}

#[test]
fn a_redirect_is_checked_as_the_first_request_is() {
    let port = serve(|_| redirect("http://169.254.169.254/latest/meta-data"));
    let result = fetch(&open(), get(&format!("http://127.0.0.1:{port}/")), None);
    assert!(matches!(result, Err(HttpError::Forbidden(_))), "{result:?}");
}

#[test]
fn redirects_are_followed_and_counted() {
    let port = serve(|line| if line.starts_with("GET /end") { ok("there") } else { redirect("/end") });
    let response = fetch(&open(), get(&format!("http://127.0.0.1:{port}/start")), None).unwrap();
    assert_eq!(
        (response.body.as_slice(), response.url.as_str()),
        (&b"there"[..], format!("http://127.0.0.1:{port}/end").as_str())
    );
    let around = serve(|_| redirect("/again"));
    let result = fetch(&open(), get(&format!("http://127.0.0.1:{around}/")), None);
    assert!(matches!(result, Err(HttpError::TooManyRedirects)), "{result:?}");
    let none = Options { timeout_ms: 1_000, max_response_bytes: 10, max_redirects: 0 };
    assert_eq!(fetch(&open(), get(&format!("http://127.0.0.1:{around}/")), Some(none)).unwrap().status, 302);
}

#[test]
fn long_bodies_and_slow_servers_end_at_their_limits() {
    let port = serve(|_| ok(&"x".repeat(5_000)));
    let options = Options { timeout_ms: 2_000, max_response_bytes: 4_999, max_redirects: 0 };
    let result = fetch(&open(), get(&format!("http://127.0.0.1:{port}/")), Some(options));
    assert!(matches!(result, Err(HttpError::ResponseTooLong)), "{result:?}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port();
    let options = Options { timeout_ms: 200, max_response_bytes: 10, max_redirects: 0 };
    let result = fetch(&open(), get(&format!("http://127.0.0.1:{silent}/")), Some(options));
    assert!(matches!(result, Err(HttpError::TimedOut)), "{result:?}");
}

#[test]
fn framing_headers_are_the_workers() {
    let mut request = get("http://127.0.0.1:1/");
    request.headers.push(("Transfer-Encoding".into(), b"chunked".to_vec()));
    assert!(matches!(fetch(&open(), request, None), Err(HttpError::BadRequest(_))));
}

/// A certificate authority, and a server with a certificate of it.
struct Feed {
    root: Vec<u8>,
    port: u16,
}

fn feed(name: &str, expired: bool) -> Feed {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).unwrap().der().to_vec();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        leaf.not_before = date_time_ymd(2001, 1, 1);
        leaf.not_after = date_time_ymd(2002, 1, 1);
    }
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream: rustls::StreamOwned<_, TcpStream> = rustls::StreamOwned::new(session, stream.unwrap());
            request_line(&mut stream);
            let _gone = stream.write_all(ok("42").as_bytes());
            stream.conn.send_close_notify();
            let _flushed = stream.flush();
        }
    });
    Feed { root, port }
}

fn trusting(roots: &[&Feed]) -> HttpPolicy {
    let extra_roots: Vec<_> = roots.iter().map(|feed| feed.root.clone().try_into().unwrap()).collect();
    HttpPolicy { extra_roots: extra_roots.try_into().unwrap(), ..open() }
}

#[test]
fn certificates_count_under_the_policys_roots_by_name_and_time() {
    let (good, other) = (feed("localhost", false), feed("localhost", false));
    let (misnamed, expired) = (feed("elsewhere.example", false), feed("localhost", true));
    let url = |feed: &Feed| format!("https://localhost:{}/", feed.port);
    assert_eq!(fetch(&trusting(&[&good]), get(&url(&good)), None).unwrap().body, b"42");
    for (policy, feed) in [
        (open(), &good),
        (trusting(&[&other]), &good),
        (trusting(&[&misnamed]), &misnamed),
        (trusting(&[&expired]), &expired),
    ] {
        let result = fetch(&policy, get(&url(feed)), None);
        assert!(matches!(result, Err(HttpError::Tls(_))), "{result:?}");
    }
}
