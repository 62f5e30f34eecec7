//! Messages of a cluster's log, believed because folding them meets a proven head.
//!
//! A log that fits into memory is [`fold`]ed at once. A longer one is [`Survey`]ed first, page by page from its end: its bodies
//! are hashed and dropped, and the heads between the pages are proven. Then the bodies are asked for again and folded chunk by
//! chunk. Nothing is released before its chunk's end is proven.

use alloc::{vec, vec::Vec};
use phala_primitives::{
    Hash256,
    log::LogHead,
    message::Message,
    wire::{Wire, WireError},
};

use crate::{
    Remedy, Verified,
    limits::{MAX_CHUNK_MESSAGES, MAX_FOLD_BYTES},
};

/// Why bodies are not the messages between a position and a proven head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The proven head lies behind the position: it was proven at an old block.
    #[error("the proven head {head} is behind the position {from}")]
    OldHead {
        /// The head's next index.
        head: u64,
        /// The position's next index.
        from: u64,
    },
    /// Head and position have the same index and different hashes: the position is on no log of this chain.
    #[error("the position {0} is not on this log")]
    Diverged(u64),
    /// There are fewer bodies than messages up to the head. Ask for the missing ones.
    #[error("{missing} bodies are missing")]
    Incomplete {
        /// How many.
        missing: u64,
    },
    /// There are more bodies than messages up to the head.
    #[error("more bodies than messages")]
    Surplus,
    /// A body is longer than any message, in bytes.
    #[error("a body of {0} bytes is no message")]
    BodyTooLarge(usize),
    /// The bodies together exceed [`MAX_FOLD_BYTES`]: fold in chunks.
    #[error("more than {MAX_FOLD_BYTES} bytes of bodies at once")]
    TooLarge,
    /// At least one body is forged, missing or out of order: they do not meet the proven head.
    #[error("the bodies do not meet the proven head")]
    Forged,
    /// The chain's own message is of no version that this program knows.
    #[error("message {index}: {error}")]
    Undecodable {
        /// Its place in the log.
        index: u64,
        /// What is wrong.
        error: WireError,
    },
}

impl FoldError {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Undecodable { .. } => Remedy::Upgrade,
            Self::Diverged(_) | Self::TooLarge => Remedy::FixInput,
            _ => Remedy::AskAnotherNode,
        }
    }
}

/// The number of messages from a position to a proven head.
fn distance(head: &LogHead, from: &LogHead) -> Result<u64, FoldError> {
    match head.next_index.checked_sub(from.next_index) {
        None => Err(FoldError::OldHead { head: head.next_index, from: from.next_index }),
        Some(0) if head.hash != from.hash => Err(FoldError::Diverged(from.next_index)),
        Some(distance) => Ok(distance),
    }
}

fn append(position: &LogHead, body: &[u8]) -> Result<LogHead, FoldError> {
    if body.len() > Message::MAX_BYTES {
        return Err(FoldError::BodyTooLarge(body.len()));
    }
    position.append(body).map_err(|_| FoldError::Surplus)
}

/// The messages between `from`, a position that the caller has reached by itself, and a proven head. All or none.
///
/// `bodies` are SCALE bytes of [`Message`]s, in order, without gap.
pub fn fold(
    head: &Verified<LogHead>,
    from: &LogHead,
    bodies: &[impl AsRef<[u8]>],
) -> Result<Vec<Verified<Message>>, FoldError> {
    let distance = distance(head, from)?;
    let count = u64::try_from(bodies.len()).unwrap_or(u64::MAX);
    match distance.checked_sub(count) {
        None => return Err(FoldError::Surplus),
        Some(0) => {}
        Some(missing) => return Err(FoldError::Incomplete { missing }),
    }
    let bytes = bodies.iter().fold(0usize, |sum, body| sum.saturating_add(body.as_ref().len()));
    if bytes > MAX_FOLD_BYTES {
        return Err(FoldError::TooLarge);
    }

    let reached = bodies.iter().try_fold(*from, |position, body| append(&position, body.as_ref()))?;
    if reached != **head {
        return Err(FoldError::Forged);
    }
    let indices = from.next_index..;
    let decode = |(index, body): (u64, &_)| {
        let message = Message::from_wire(AsRef::<[u8]>::as_ref(body));
        message.map(|m| Verified::new(m, *head.at())).map_err(|error| FoldError::Undecodable { index, error })
    };
    indices.zip(bodies).map(decode).collect()
}

/// A first pass over a long log, from its proven head backwards: proves heads on the way, keeps no body.
///
/// A page of bodies comes with the hash of the log before it. Folding the page from there meets the head above it only if the hash
/// is the true one, so every page is proven as it comes, whoever gave it.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The lowest head that is proven.
    reached: Verified<LogHead>,
    from: LogHead,
    /// Where chunks end, the last one first.
    marks: Vec<Verified<LogHead>>,
    chunk_limit: usize,
    chunk_bytes: usize,
    chunk_messages: u64,
}

impl Survey {
    /// Ends at `from`, a position that the caller has reached by itself. Heads are noted so far apart that the bodies between two
    /// of them are at most `chunk_bytes`, or one page.
    pub fn new(head: &Verified<LogHead>, from: &LogHead, chunk_bytes: usize) -> Result<Self, FoldError> {
        let marks = if distance(head, from)? > 0 { vec![*head] } else { Vec::new() };
        Ok(Self {
            reached: *head,
            from: *from,
            marks,
            chunk_limit: chunk_bytes.min(MAX_FOLD_BYTES),
            chunk_bytes: 0,
            chunk_messages: 0,
        })
    }

    /// The head whose last messages are needed next.
    pub fn head(&self) -> &Verified<LogHead> {
        &self.reached
    }

    /// How many bodies are still to come.
    pub fn missing(&self) -> u64 {
        self.reached.next_index.saturating_sub(self.from.next_index)
    }

    /// Takes the last bodies before [`head`](Self::head), in order, with the log's hash before them.
    pub fn page(&mut self, before: Hash256, bodies: &[impl AsRef<[u8]>]) -> Result<(), FoldError> {
        let count = u64::try_from(bodies.len()).unwrap_or(u64::MAX);
        if count == 0 {
            return Err(FoldError::Incomplete { missing: self.missing() });
        }
        if count > self.missing() {
            return Err(FoldError::Surplus);
        }
        let below = LogHead { next_index: self.reached.next_index.saturating_sub(count), hash: before };
        let (head, bytes) = bodies.iter().try_fold((below, 0usize), |(position, bytes), body| {
            let body = body.as_ref();
            append(&position, body).map(|next| (next, bytes.saturating_add(body.len())))
        })?;
        let last = below.next_index == self.from.next_index;
        if head != *self.reached || (last && below.hash != self.from.hash) {
            return Err(FoldError::Forged);
        }
        let all = (self.chunk_bytes.saturating_add(bytes), self.chunk_messages.saturating_add(count));
        let full = all.0 > self.chunk_limit || all.1 > MAX_CHUNK_MESSAGES;
        if full && self.chunk_messages > 0 {
            self.marks.push(self.reached);
            (self.chunk_bytes, self.chunk_messages) = (bytes, count);
        } else {
            (self.chunk_bytes, self.chunk_messages) = all;
        }
        self.reached = Verified::new(below, *self.reached.at());
        Ok(())
    }

    /// The heads at which the chunks end, in order, the proven head itself being the last. Empty if there was nothing to
    /// survey.
    pub fn finish(mut self) -> Result<Vec<Verified<LogHead>>, FoldError> {
        match self.missing() {
            0 => {
                self.marks.reverse();
                Ok(self.marks)
            }
            missing => Err(FoldError::Incomplete { missing }),
        }
    }
}
