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

/// As `serve`, with all of the request's head.
fn serve_heads(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let _gone = stream.write_all(answer(&String::from_utf8(head).unwrap()).as_bytes());
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
    fetch_at(policy, request, options, 0)
}

fn fetch_at(
    policy: &HttpPolicy,
    request: Request,
    options: Option<Options>,
    chain_ms: u64,
) -> Result<Response, HttpError> {
    let runtime = runtime();
    let egress = Egress::new(runtime.handle().clone(), metrics());
    egress.fetch(policy, vec![(request, options)], chain_ms, now_ms() + 5_000).remove(0)
}

fn metrics() -> Metrics {
    Metrics::new(Arc::default()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_page_comes_back_with_status_headers_and_url() {
    let port = serve(ok);
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
fn a_body_that_drips_ends_at_the_limit_and_so_does_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request_line(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").unwrap();
        let started = std::time::Instant::now();
        while stream.write_all(b"x").is_ok() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        started.elapsed()
    });
    let runtime = runtime();
    let egress = Egress::new(runtime.handle().clone(), metrics());
    let options = Options { timeout_ms: 300, max_response_bytes: 100_000, max_redirects: 0 };
    let request = get(&format!("http://127.0.0.1:{port}/"));
    let result = egress.fetch(&open(), vec![(request, Some(options))], 0, now_ms() + 5_000).remove(0);
    assert!(matches!(result, Err(HttpError::TimedOut)), "{result:?}");
    // the runtime goes on: it is the exchange that has ended
    assert!(server.join().unwrap() < Duration::from_secs(5));
}

#[test]
fn the_deadline_of_the_query_is_above_the_options() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let runtime = runtime();
    let egress = Egress::new(runtime.handle().clone(), metrics());
    let started = std::time::Instant::now();
    let result = egress.fetch(&open(), vec![(get(&url), None), (get(&url), None)], 0, now_ms() + 200);
    assert!(matches!(result.as_slice(), [Err(HttpError::TimedOut), Err(HttpError::TimedOut)]), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn the_next_address_is_tried_when_one_does_not_answer() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = listener.local_addr().unwrap();
    let runtime = runtime();
    let stream = runtime.block_on(connect(&[unused, good])).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good);
    assert!(matches!(runtime.block_on(connect(&[good, unused])), Ok(stream) if stream.peer_addr().unwrap() == good));
    assert!(matches!(runtime.block_on(connect(&[unused])), Err(HttpError::NotConnected(_))));
}

#[test]
fn what_would_leave_the_contracts_own_request_is_refused() {
    for name in ["Transfer-Encoding", "content-length", "Host", "connection", "Expect"] {
        let mut request = get("http://127.0.0.1:1/");
        request.headers.push((name.into(), b"chunked".to_vec()));
        assert!(matches!(fetch(&open(), request, None), Err(HttpError::BadRequest(_))), "{name}");
    }
    for method in ["CONNECT", "TRACE", "GET / HTTP/1.1", ""] {
        let request = Request { method: method.into(), ..get("http://127.0.0.1:1/") };
        assert!(matches!(fetch(&open(), request, None), Err(HttpError::BadRequest(_))), "{method}");
    }
    let mut split = get("http://127.0.0.1:1/");
    split.headers.push(("x-a".into(), b"1\r\nx-b: 2".to_vec()));
    assert!(matches!(fetch(&open(), split, None), Err(HttpError::BadRequest(_))));
    let with_password = get("http://me:secret@127.0.0.1:1/");
    assert!(matches!(fetch(&open(), with_password, None), Err(HttpError::BadRequest(_))));
}

#[test]
fn credentials_stay_with_their_origin() {
    let other = serve_heads(|head| ok(&head.to_lowercase()));
    let elsewhere = serve_heads(move |_| redirect(&format!("http://127.0.0.1:{other}/")));
    let here =
        serve_heads(|head| if head.starts_with("GET /end") { ok(&head.to_lowercase()) } else { redirect("/end") });
    for (port, kept) in [(here, true), (elsewhere, false)] {
        let mut request = get(&format!("http://127.0.0.1:{port}/"));
        for name in ["Authorization", "Cookie", "Proxy-Authorization", "X-Mine"] {
            request.headers.push((name.into(), b"value".to_vec()));
        }
        let echo = String::from_utf8(fetch(&open(), request, None).unwrap().body).unwrap();
        assert!(echo.contains("x-mine: value"), "{echo}");
        for name in ["authorization", "cookie", "proxy-authorization"] {
            assert_eq!(echo.contains(&format!("\r\n{name}: value")), kept, "{name} in {echo}");
        }
    }
}

#[test]
fn a_redirect_changes_the_method_as_browsers_do() {
    for (status, method, after, body_kept) in [
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (303, "PUT", "GET", false),
        (303, "HEAD", "HEAD", true),
        (307, "POST", "POST", true),
        (308, "PUT", "PUT", true),
        (302, "PUT", "PUT", true),
    ] {
        let url = "http://a.example/".parse().unwrap();
        let headers = vec![(HeaderName::from_static("content-type"), HeaderValue::from_static("text/plain"))];
        let outgoing = Outgoing { method: method.parse().unwrap(), url, headers, body: "body".into() };
        let status = StatusCode::from_u16(status).unwrap();
        let next = outgoing.redirected(status, &HeaderValue::from_static("/there")).unwrap();
        assert_eq!((next.method.as_str(), next.url.as_str()), (after, "http://a.example/there"), "{status} {method}");
        assert_eq!((!next.body.is_empty(), !next.headers.is_empty()), (body_kept, body_kept), "{status} {method}");
    }
}

/// A certificate authority, and a server with a certificate of it.
struct Feed {
    root: Vec<u8>,
    port: u16,
}

/// With a certificate for this name that holds until the first day of a year.
fn feed(name: &str, until: i32) -> Feed {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).unwrap().der().to_vec();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    leaf.not_before = date_time_ymd(2001, 1, 1);
    leaf.not_after = date_time_ymd(until, 1, 1);
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
    let (good, other) = (feed("localhost", 2090), feed("localhost", 2090));
    let (misnamed, expired) = (feed("elsewhere.example", 2090), feed("localhost", 2002));
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

#[test]
fn a_host_that_turns_its_clock_back_revives_no_certificate() {
    const IN_2089_MS: u64 = 3_755_289_600_000;
    const IN_2091_MS: u64 = 3_818_361_600_000;
    let feed = feed("localhost", 2090);
    let request = || get(&format!("https://localhost:{}/", feed.port));
    assert_eq!(fetch_at(&trusting(&[&feed]), request(), None, IN_2089_MS).unwrap().body, b"42");
    let result = fetch_at(&trusting(&[&feed]), request(), None, IN_2091_MS);
    assert!(matches!(result, Err(HttpError::Tls(_))), "{result:?}");
}
