//! The software TEE as a process: answers callers on a Unix socket, one request for each connection.

use rustix::net::sockopt::socket_peercred;
use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    Format, Program, Statement, Vendor, measure_process,
    protocol::{Answer, AnswerV1, MAX_REQUEST, Refusal, Request, RequestV1, read_frame, write_frame},
};

/// Callers served at once; one more is told to come back.
const MAX_CALLERS: usize = 16;
/// How long one caller may take, from its connection to the end of its answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A bound socket. Dropping it removes the socket's file.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    service: Arc<Service>,
}

struct Service {
    vendor: Vendor,
    format: Format,
    sealing: bool,
    callers: AtomicUsize,
}

impl Server {
    /// Listens on `path`, in a directory that only this user can enter; makes the directory if it is missing. Quotes
    /// will have this format; `sealing` says whether callers get sealing keys.
    pub fn bind(path: &Path, vendor: Vendor, format: Format, sealing: bool) -> io::Result<Self> {
        prepare_directory(path)?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let service = Arc::new(Service { vendor, format, sealing, callers: AtomicUsize::new(0) });
        Ok(Self { listener, path: path.to_owned(), service })
    }

    /// Starts to accept callers, in a thread of its own that ends with the process.
    pub fn start(&self) -> io::Result<()> {
        let listener = self.listener.try_clone()?;
        let service = self.service.clone();
        thread::Builder::new().name("accept".into()).spawn(move || accept(&listener, &service))?;
        Ok(())
    }

    /// Waits until the callers that are being served have their answers, but not longer than `limit`.
    pub fn drain(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while self.service.callers.load(Ordering::Acquire) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("{}: cannot remove the socket: {error}", self.path.display());
        }
    }
}

fn prepare_directory(socket: &Path) -> io::Result<()> {
    let directory = match socket.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    if !directory.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let metadata = fs::metadata(directory)?;
    if metadata.mode() & 0o077 != 0 {
        let message = format!(
            "{}: other users can enter this directory (mode {:o}); use one of mode 0700",
            directory.display(),
            metadata.mode() & 0o777
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(())
}

/// Removes the socket of a server that is gone. Never removes anything that is not a socket, or that somebody listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() || UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{} is in use", path.display())));
    }
    fs::remove_file(path)
}

fn accept(listener: &UnixListener, service: &Arc<Service>) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let caller = Caller::enter(service);
                let served = thread::Builder::new().name("caller".into()).spawn(move || caller.serve(stream));
                if let Err(error) = served {
                    log::error!("cannot serve a caller: {error}");
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: leave the others time to finish.
                log::error!("cannot accept: {error}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// One connection, counted from its creation until it is dropped.
struct Caller {
    service: Arc<Service>,
    admitted: bool,
}

impl Caller {
    fn enter(service: &Arc<Service>) -> Self {
        let before = service.callers.fetch_add(1, Ordering::AcqRel);
        Self { service: service.clone(), admitted: before < MAX_CALLERS }
    }

    fn serve(self, mut stream: UnixStream) {
        let answer = if self.admitted { self.answer(&mut stream) } else { Ok(AnswerV1::Refused(Refusal::Busy)) };
        let outcome = answer.and_then(|answer| {
            stream.set_write_timeout(Some(DEADLINE))?;
            write_frame(&mut stream, &Answer::V1(answer))
        });
        if let Err(error) = outcome {
            log::info!("a caller left: {error}");
        }
    }

    fn answer(&self, stream: &mut UnixStream) -> io::Result<AnswerV1> {
        let request = read_frame(&mut Timed { stream, end: Instant::now() + DEADLINE }, MAX_REQUEST);
        let request = match request {
            Ok(Request::V1(request)) => request,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Ok(AnswerV1::Refused(Refusal::BadRequest));
            }
            Err(error) => return Err(error),
        };
        let pid = socket_peercred(&*stream)?.pid.as_raw_nonzero().get().unsigned_abs();
        Ok(self.service.answer(request, pid).unwrap_or_else(AnswerV1::Refused))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.service.callers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Service {
    fn answer(&self, request: RequestV1, pid: u32) -> Result<AnswerV1, Refusal> {
        if matches!(request, RequestV1::SealingKey { .. }) && !self.sealing {
            return Err(Refusal::SealingDisabled);
        }
        let measurement = measure_process(pid).map_err(|error| {
            log::warn!("process {pid} cannot be measured: {error}");
            Refusal::CannotMeasure
        })?;
        let internal = |error| {
            log::error!("request of process {pid}: {error}");
            Refusal::Internal
        };
        match request {
            RequestV1::Evidence { report_data } => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Refusal::Internal)?.as_secs();
                let program = Program::new(self.format, measurement, report_data);
                let statement = Statement::at(now);
                let evidence = self.vendor.evidence_as(self.format, &program, &statement).map_err(internal)?;
                log::info!("evidence for process {pid}, measurement {measurement}");
                Ok(AnswerV1::Evidence(codec::Encode::encode(&evidence)))
            }
            RequestV1::SealingKey { context } => {
                let key = self.vendor.sealing_key(&measurement, &context).map_err(internal)?;
                log::info!("sealing key for process {pid}, measurement {measurement}");
                Ok(AnswerV1::SealingKey(*key))
            }
        }
    }
}

/// Reads against one deadline for the whole request: a caller that sends a byte now and then does not win time.
struct Timed<'a> {
    stream: &'a mut UnixStream,
    end: Instant,
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}
