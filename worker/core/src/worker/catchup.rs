//! Which bodies to ask for, and what they are good for: the way to a proven head that may be far ahead.
//!
//! ```text
//!            the page has all          ┌──────────────────────────────────────────┐
//! Short ──────────────────────────────▶│ a stretch: bodies up to a proven head    │
//!   │ the page has less                └──────────────────────────────────────────┘
//!   ▼                                        ▲ the pages of the first chunk meet its mark
//! Survey ── the pages reach the position ──▶ Chunks ── the last chunk is executed ──▶ Short
//! ```
//!
//! Nodes give the last bodies before a head. So a long log is read twice: first from its end, to prove the heads
//! between chunks (marks), and then chunk by chunk, each from its own end. Whatever is wrong, all of it is dropped, and
//! the next node begins anew.

use std::collections::VecDeque;

use phala_light_client::{Verified, log::Survey};
use phala_primitives::{Hash256, LogHead};

use super::error::StepError;
use crate::exchange::Page;

/// Bodies of one chunk of a long log, in bytes.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Bodies that are held until a chunk is complete, in bytes: it may begin with what an earlier one held back.
const HELD_BYTES: usize = 3 * CHUNK_BYTES;

/// See the [module's documentation](self).
#[derive(Default)]
pub enum Catchup {
    /// One page may have all that is missing.
    #[default]
    Short,
    /// The heads between the chunks are being proven.
    Survey(Box<Survey>),
    /// The chunks up to these heads are being fetched and executed, the first one now.
    Chunks { marks: VecDeque<Verified<LogHead>>, held: Held },
}

/// Bodies that belong between the position and a proven head. Folding them shows whether they do.
pub struct Stretch {
    /// Where they end.
    pub end: Verified<LogHead>,
    /// In order.
    pub bodies: Vec<Vec<u8>>,
}

impl Catchup {
    /// The head before which bodies are wanted next; nothing if the position is the proven head.
    pub fn head(&self, proven: &Verified<LogHead>, position: &LogHead) -> Option<LogHead> {
        match self {
            Self::Short => (proven.next_index > position.next_index).then_some(**proven),
            Self::Survey(survey) => Some(**survey.head()),
            Self::Chunks { marks, held } => Some(held.head(marks.front()?)),
        }
    }

    /// Takes the bodies before [`head`](Self::head). Gives a stretch as soon as one is complete.
    ///
    /// After an error it is [`Short`](Self::Short) again.
    pub fn take(
        &mut self,
        page: Page,
        proven: &Verified<LogHead>,
        position: &LogHead,
    ) -> Result<Option<Stretch>, StepError> {
        let missing = |end: &LogHead| end.next_index.saturating_sub(position.next_index);
        match std::mem::take(self) {
            Self::Short => {
                if count(&page.bodies) >= missing(proven) {
                    return Ok(Some(Stretch { end: *proven, bodies: page.bodies }));
                }
                *self = surveyed(Survey::new(proven, position, CHUNK_BYTES)?, &page)?;
            }
            Self::Survey(survey) => *self = surveyed(*survey, &page)?,
            Self::Chunks { marks, mut held } => {
                held.add(page)?;
                let Some(end) = marks.front().copied() else { return Ok(None) };
                if held.count >= missing(&end) {
                    // the mark stays until the stretch is executed: code may have to be fetched before
                    *self = Self::Chunks { marks, held: Held::default() };
                    return Ok(Some(Stretch { end, bodies: held.into_bodies() }));
                }
                *self = Self::Chunks { marks, held };
            }
        }
        Ok(None)
    }

    /// The stretch that was given last is executed.
    pub fn executed(&mut self) {
        if let Self::Chunks { marks, .. } = self {
            marks.pop_front();
            if marks.is_empty() {
                *self = Self::Short;
            }
        }
    }

    /// Drops the pages of the chunk: what would be asked for next may hang on a hash that a node made up.
    pub fn drop_held(&mut self) {
        if let Self::Chunks { held, .. } = self {
            *held = Held::default();
        }
    }

    /// How many messages the survey still has to go through.
    pub fn to_survey(&self) -> u64 {
        match self {
            Self::Survey(survey) => survey.missing(),
            Self::Short | Self::Chunks { .. } => 0,
        }
    }
}

fn surveyed(mut survey: Survey, page: &Page) -> Result<Catchup, StepError> {
    survey.page(page.before, &page.bodies)?;
    if survey.missing() > 0 {
        return Ok(Catchup::Survey(Box::new(survey)));
    }
    Ok(Catchup::Chunks { marks: survey.finish()?.into(), held: Held::default() })
}

fn count(bodies: &[Vec<u8>]) -> u64 {
    u64::try_from(bodies.len()).unwrap_or(u64::MAX)
}

/// Pages of a chunk. They come from its end, under hashes that the node says; folding the whole shows whether they were true.
#[derive(Default)]
pub struct Held {
    /// The last one first.
    pages: Vec<Vec<Vec<u8>>>,
    count: u64,
    bytes: usize,
    /// The log's hash before the first page.
    before: Hash256,
}

impl Held {
    fn add(&mut self, page: Page) -> Result<(), StepError> {
        self.bytes = page.bodies.iter().fold(self.bytes, |sum, body| sum.saturating_add(body.len()));
        if self.bytes > HELD_BYTES {
            return Err(StepError::Node("more bytes than these messages have".into()));
        }
        self.count = self.count.saturating_add(count(&page.bodies));
        self.before = page.before;
        self.pages.push(page.bodies);
        Ok(())
    }

    /// The head before which the next page ends.
    fn head(&self, mark: &LogHead) -> LogHead {
        let next_index = mark.next_index.saturating_sub(self.count);
        LogHead { next_index, hash: if self.count == 0 { mark.hash } else { self.before } }
    }

    fn into_bodies(self) -> Vec<Vec<u8>> {
        self.pages.into_iter().rev().flatten().collect()
    }
}
