//! The program as a process: what it says over its socket, to whom, and how it stops.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // tests

use codec::{DecodeAll, Encode};
use phala_attestation::{Evidence, Hardware, authenticate};
use phala_primitives::Assurance;
use phala_soft_tee::{
    Format, Seed, Vendor, measure_file,
    protocol::{Answer, AnswerV1, MAX_ANSWER, Refusal, Request, RequestV1, read_frame, write_frame},
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

const SEED: &str = "the seed of this test";

/// The process, with a directory of its own. Killed when the test is over.
struct Server {
    child: Child,
    socket: PathBuf,
    // Removed with everything in it when the server is gone.
    _directory: TempDir,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("private/socket");
        let mut child = program()
            .args(["serve", "--socket"])
            .arg(&socket)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "), "{line:?}");
        Self { child, socket, _directory: directory }
    }

    fn ask(&self, request: &impl Encode) -> AnswerV1 {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        write_frame(&mut stream, request).unwrap();
        let Answer::V1(answer) = read_frame(&mut stream, MAX_ANSWER).unwrap();
        answer
    }

    fn ask_raw(&self, bytes: &[u8]) -> Option<AnswerV1> {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        read_frame(&mut stream, MAX_ANSWER).ok().map(|Answer::V1(answer)| answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phala-soft-tee"));
    command.env("PHALA_SOFT_TEE_SEED", SEED);
    command
}

fn output(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn refusal(answer: Option<AnswerV1>) -> Option<Refusal> {
    match answer {
        Some(AnswerV1::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

/// Once: this executable is large, and hashing it takes seconds without optimisation.
static OWN_MEASUREMENT: LazyLock<phala_primitives::worker::Measurement> =
    LazyLock::new(|| measure_file(&std::env::current_exe().unwrap()).unwrap());

fn own_measurement() -> phala_primitives::worker::Measurement {
    *OWN_MEASUREMENT
}

#[test]
fn it_vouches_for_the_executable_that_calls() {
    let server = Server::start(&[]);
    let answer = server.ask(&Request::V1(RequestV1::Evidence { report_data: [5; 64] }));
    let AnswerV1::Evidence(bytes) = answer else { panic!("no evidence") };
    let evidence = Evidence::decode_all(&mut bytes.as_slice()).unwrap();
    let root = Vendor::new(Seed::from_text(SEED)).unwrap().trusted_root().unwrap();
    let claims = authenticate(&evidence, &[root], now()).unwrap();
    assert_eq!(claims.measurement, own_measurement(), "the measurement is this test's own executable");
    assert_eq!(claims.report_data, [5; 64]);
    assert_eq!(claims.assurance, Assurance::Software);
}

#[test]
fn it_issues_the_format_that_it_was_started_with() {
    let server = Server::start(&["--format", "sgx3"]);
    let answer = server.ask(&Request::V1(RequestV1::Evidence { report_data: [5; 64] }));
    let AnswerV1::Evidence(bytes) = answer else { panic!("no evidence") };
    let evidence = Evidence::decode_all(&mut bytes.as_slice()).unwrap();
    let root = Vendor::new(Seed::from_text(SEED)).unwrap().trusted_root().unwrap();
    let claims = authenticate(&evidence, &[root], now()).unwrap();
    assert_eq!(claims.hardware, Hardware::Sgx);
    assert_eq!(claims.measurement.0[..32], own_measurement().0[..32]);
    assert_eq!(claims.measurement.0[32..], [0; 16]);

    let refused = program().args(["serve", "--socket", "s", "--format", "snp"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expected one of sgx3, tdx4"));
}

#[test]
fn sealing_keys_are_bound_to_context_and_only_given_if_enabled() {
    let request = |context: &[u8]| Request::V1(RequestV1::SealingKey { context: context.to_vec().try_into().unwrap() });
    let closed = Server::start(&[]);
    assert_eq!(refusal(Some(closed.ask(&request(b"disk")))), Some(Refusal::SealingDisabled));

    let open = Server::start(&["--sealing"]);
    let key = |context: &[u8]| match open.ask(&request(context)) {
        AnswerV1::SealingKey(key) => key,
        _ => panic!("no key"),
    };
    let disk = key(b"disk");
    assert_ne!(disk, key(b"other"));
    // Derived here once more: the key is the same each time, and for whoever has the seed.
    let vendor = Vendor::new(Seed::from_text(SEED)).unwrap();
    assert_eq!(disk, *vendor.sealing_key(&own_measurement(), b"disk").unwrap());
    let mut changed = own_measurement();
    changed.0[0] ^= 1;
    assert_ne!(disk, *vendor.sealing_key(&changed, b"disk").unwrap(), "another executable, another key");
}

#[test]
fn bad_requests_are_refused_and_the_server_lives_on() {
    let server = Server::start(&[]);
    let bad = Some(Refusal::BadRequest);
    assert_eq!(refusal(server.ask_raw(&u32::MAX.to_le_bytes())), bad, "too long");
    assert_eq!(refusal(server.ask_raw(&[0; 4])), bad, "empty");
    assert_eq!(refusal(server.ask_raw(&[1, 0, 0, 0, 9])), bad, "unknown version");
    assert_eq!(refusal(server.ask_raw(&[2, 0, 0, 0, 1, 9])), bad, "unknown request");
    assert_eq!(refusal(server.ask_raw(&[6, 0, 0, 0, 1, 1, 2, 0, 0xff, 0xff])), bad, "context that is not there");
    let mut trailing = Request::V1(RequestV1::Evidence { report_data: [0; 64] }).encode();
    trailing.push(0);
    let frame = [(trailing.len() as u32).to_le_bytes().as_slice(), &trailing].concat();
    assert_eq!(refusal(server.ask_raw(&frame)), bad, "trailing byte");
    assert!(server.ask_raw(&[1, 0]).is_none(), "half a length, and gone");
    assert!(server.ask_raw(&[]).is_none(), "nothing, and gone");
    assert!(matches!(server.ask(&Request::V1(RequestV1::Evidence { report_data: [0; 64] })), AnswerV1::Evidence(_)));
}

#[test]
fn one_caller_too_many_is_told_to_come_back() {
    let server = Server::start(&[]);
    // Each says two bytes of its length and waits: all places are taken. Connections are accepted in order.
    let held: Vec<UnixStream> = (0..16)
        .map(|_| {
            let mut stream = UnixStream::connect(&server.socket).unwrap();
            stream.write_all(&[1, 0]).unwrap();
            stream
        })
        .collect();
    let mut late = UnixStream::connect(&server.socket).unwrap();
    let Answer::V1(answer) = read_frame(&mut late, MAX_ANSWER).unwrap();
    assert_eq!(refusal(Some(answer)), Some(Refusal::Busy));
    drop(held);
}

#[test]
fn the_socket_is_private_and_goes_with_the_server() {
    let mut server = Server::start(&[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.socket), 0o600);
    assert_eq!(mode(server.socket.parent().unwrap()), 0o700);

    let second = program().args(["serve", "--socket"]).arg(&server.socket).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"));

    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success(), "a signal to stop is not a failure");
    assert!(!server.socket.exists());
}

#[test]
fn a_killed_servers_socket_is_taken_over() {
    let mut server = Server::start(&[]);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(server.socket.exists(), "nobody could clean up");
    let mut again = program()
        .args(["serve", "--socket"])
        .arg(&server.socket)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(again.stdout.take().unwrap()).read_line(&mut line).unwrap();
    again.kill().unwrap();
    again.wait().unwrap();
    assert!(line.starts_with("listening on "), "{line:?}");
}

#[test]
fn a_directory_that_others_can_enter_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let refused = program().args(["serve", "--socket"]).arg(directory.path().join("socket")).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("0700"));
}

#[test]
fn root_measure_and_quote_agree_with_the_library() {
    let vendor = Vendor::new(Seed::from_text(SEED)).unwrap();
    let root = vendor.trusted_root().unwrap();
    let printed = String::from_utf8(output(&["root", "--hex"]).stdout).unwrap();
    assert_eq!(printed.trim(), format!("0x{}", hex::encode(&root.certificate)));
    let json: phala_attestation::TrustedRoot = serde_json::from_slice(&output(&["root"]).stdout).unwrap();
    assert_eq!(json, root, "the JSON is what a genesis reads");
    let roots = [root];

    let directory = TempDir::new().unwrap();
    let seed_file = directory.path().join("seed");
    fs::write(&seed_file, format!("{SEED}\n")).unwrap();
    let from_file = output(&["--seed", &format!("@{}", seed_file.display()), "root", "--hex"]);
    assert_eq!(String::from_utf8(from_file.stdout).unwrap(), printed);

    let executable = std::env::current_exe().unwrap();
    let measured = output(&["measure", executable.to_str().unwrap()]);
    assert_eq!(String::from_utf8(measured.stdout).unwrap().trim(), own_measurement().to_string());

    let out = directory.path().join("evidence.bin");
    let data = "11".repeat(64);
    let arguments = ["quote", "--report-data", &data, "--executable", executable.to_str().unwrap(), "--out"];
    assert!(program().args(arguments).arg(&out).status().unwrap().success());
    let evidence = Evidence::decode_all(&mut fs::read(&out).unwrap().as_slice()).unwrap();
    let claims = authenticate(&evidence, &roots, now()).unwrap();
    assert_eq!((claims.measurement, claims.report_data), (own_measurement(), [0x11; 64]));

    for format in Format::ALL {
        assert!(program().args(arguments).arg(&out).args(["--format", format.name()]).status().unwrap().success());
        let evidence = Evidence::decode_all(&mut fs::read(&out).unwrap().as_slice()).unwrap();
        let claims = authenticate(&evidence, &roots, now()).unwrap();
        assert_eq!((claims.hardware, claims.report_data), (format.hardware(), [0x11; 64]), "{format}");
    }

    let short = output(&["quote", "--report-data", "00", "--executable", "x", "--out", "y"]);
    assert!(String::from_utf8_lossy(&short.stderr).contains("64 bytes in hex"));
}
