//! Against a server on a real socket, by the bytes that `worker/soft-tee/PROTOCOL.md` lists.

use std::{os::unix::net::UnixListener, thread::JoinHandle};

use super::*;

struct Server {
    _folder: tempfile::TempDir,
    tee: SoftTee,
    seen: JoinHandle<Vec<u8>>,
}

/// Takes one request, sends these bytes in pieces, and tells what was asked.
fn server(pieces: Vec<Vec<u8>>, between: Duration) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        stream.read_exact(&mut body).unwrap();
        for piece in pieces {
            if stream.write_all(&piece).is_err() {
                break;
            }
            std::thread::sleep(between);
        }
        body
    });
    Server { _folder: folder, tee: SoftTee { socket, timeout: Duration::from_millis(500) }, seen }
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
}

fn answers(body: &[u8]) -> Server {
    server(vec![frame(body)], Duration::ZERO)
}

#[test]
fn evidence_is_asked_for_and_comes_back_as_it_is() {
    let Server { tee, seen, _folder } = answers(&[&[1, 0][..], &vec![9u8; 300].encode()].concat());
    assert_eq!(tee.evidence([5; 64]), Ok(vec![9; 300]));
    assert_eq!(seen.join().unwrap(), [&[1, 0][..], &[5; 64]].concat());
}

#[test]
fn a_sealing_key_is_asked_for_by_its_context() {
    let Server { tee, seen, _folder } = answers(&[&[1, 1][..], &[4; 32]].concat());
    assert_eq!(tee.sealing_key().unwrap().map(|key| *key), Some([4; 32]));
    let context = b"phala-worker/roots/v1";
    let length = u8::try_from(context.len() * 4).unwrap();
    assert_eq!(seen.join().unwrap(), [&[1, 1, length][..], context].concat());
}

#[test]
fn a_platform_without_sealing_has_no_key_and_other_refusals_are_errors() {
    assert_eq!(answers(&[1, 2, 2]).tee.sealing_key(), Ok(None));
    for (reason, expected) in [(0, "another version"), (1, "same user"), (3, "busy"), (4, "its log"), (77, "its log")] {
        for error in [
            answers(&[1, 2, reason]).tee.sealing_key().unwrap_err(),
            answers(&[1, 2, reason]).tee.evidence([0; 64]).unwrap_err(),
        ] {
            assert!(matches!(error, PlatformError::Refused(_)), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
    assert!(answers(&[1, 2, 2]).tee.evidence([0; 64]).unwrap_err().to_string().contains("--sealing"));
}

#[test]
fn answers_of_another_shape_are_not_taken() {
    let long_key = [&[1, 1][..], &[4; 33]].concat();
    let short_key = [&[1, 1][..], &[4; 31]].concat();
    for body in [&[][..], &[1], &[2, 0, 0], &[1, 9], &[1, 0, 4, 7], &long_key, &short_key] {
        assert_eq!(answers(body).tee.sealing_key(), Err(PlatformError::Unreadable), "{body:?}");
    }
    let trailing = [&[1, 0][..], &vec![9u8; 3].encode(), &[0]].concat();
    let too_few = [1, 0, 12, 9, 9];
    for body in [&[][..], &[1], &[2, 0, 0], &trailing, &too_few, &long_key] {
        assert_eq!(answers(body).tee.evidence([0; 64]), Err(PlatformError::Unreadable), "{body:?}");
    }
}

#[test]
fn a_frame_that_is_too_long_breaks_off_or_drips_ends_in_time() {
    let limit = MAX_ANSWER + 1;
    let started = Instant::now();
    for Server { tee, .. } in [
        server(vec![limit.to_le_bytes().to_vec()], Duration::from_secs(2)),
        server(vec![vec![10, 0, 0, 0, 1, 0]], Duration::ZERO),
        server(vec![vec![0]; 8], Duration::from_millis(300)),
        server([vec![vec![40, 0, 0, 0]], vec![vec![1]; 40]].concat(), Duration::from_millis(100)),
    ] {
        assert!(matches!(tee.evidence([0; 64]), Err(PlatformError::Unreachable { .. })));
    }
    // four exchanges of half a second at most
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn no_server_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = SoftTee::new(folder.path().join("socket")).evidence([0; 64]).unwrap_err();
    assert!(error.to_string().contains("is phala-soft-tee running"), "{error}");
}
