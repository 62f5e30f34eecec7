//! The limits of a cluster, and those of the world.

/// What one call may use. Data of the cluster, within bounds of the chain; the same on all its workers.
///
/// They do **not** bound: the number of writes and the time of a command (gas does), the time that the host's functions take (the host does, and prices do on average), and
/// the memory of the host for what a call has buffered (gas again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Uncompressed component, in bytes. At most 16 MiB under revision 1.
    pub code_bytes: usize,
    /// Linear memories of one instance together, in bytes. At most 1 GiB, and the pool's.
    pub memory_bytes: usize,
    /// A storage key, in bytes.
    pub key_bytes: usize,
    /// A stored value, in bytes.
    pub value_bytes: usize,
    /// An output, in bytes.
    pub output_bytes: usize,
    /// The input of a nested call or an action, in bytes.
    pub payload_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            code_bytes: crate::structure::MAX_CODE_BYTES,
            memory_bytes: 64 * 1024 * 1024,
            key_bytes: 256,
            value_bytes: 1024 * 1024,
            output_bytes: 1024 * 1024,
            payload_bytes: 256 * 1024,
        }
    }
}

/// Bytes that a contract may hand to the host at once, over all arguments: enough for the largest legal request, and what the host allocates before it can
/// look at lengths.
pub(crate) const ARGUMENT_BYTES: usize = 20 * 1024 * 1024;
/// A contract's own error: its message and its data, in bytes. What is longer is cut.
pub(crate) const ERROR_MESSAGE_BYTES: usize = 4 * 1024;
pub(crate) const ERROR_DATA_BYTES: usize = 64 * 1024;
/// Random bytes at once.
pub(crate) const RANDOM_BYTES: u32 = 1024;
/// Entries of a page of a scan, and its bytes.
pub(crate) const SCAN_ENTRIES: u32 = 256;
pub(crate) const SCAN_BYTES: usize = 1024 * 1024;
/// Labels of keys and topics of events, in bytes.
pub(crate) const LABEL_BYTES: usize = 64;
/// Messages to sign and inputs of the VRF, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 1024 * 1024;
/// HTTP: exchanges at once and in one call, the URL, the headers and the body, in bytes.
pub(crate) const FETCHES_AT_ONCE: usize = 16;
pub(crate) const FETCHES: u32 = 64;
pub(crate) const URL_BYTES: usize = 8 * 1024;
pub(crate) const HEADERS: usize = 64;
pub(crate) const HEADER_BYTES: usize = 16 * 1024;
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// Actions and transfers of a call together, and how long an action may stay valid, in blocks.
pub(crate) const ACTIONS: u32 = 16;
pub(crate) const EXPIRY_BLOCKS: std::ops::RangeInclusive<u32> = 1..=1000;
/// Events of a call, and the data of one, in bytes.
pub(crate) const EVENTS: u32 = 256;
pub(crate) const EVENT_BYTES: usize = 16 * 1024;
/// Lines of the log of a call, and the length of one, in bytes.
pub(crate) const LOG_LINES: u32 = 256;
pub(crate) const LOG_LINE_BYTES: usize = 4 * 1024;
