//! Sequence numbers, each accepted once, in any order within a window.

/// Numbers that may arrive late, counted from the highest that has arrived.
const WINDOW: u64 = 1024;
const WORD: u64 = 64;
const WORDS: usize = 16;

/// Why a sequence number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Replayed {
    /// It was accepted before.
    #[error("sequence number used before")]
    AlreadySeen,
    /// It lies below the window: nobody remembers.
    #[error("sequence number too old")]
    TooOld,
}

/// What has been accepted. A ring of bits below the highest number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayWindow {
    /// One more than the highest accepted number.
    next: u64,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Accepts a number once.
    pub fn accept(&mut self, sequence: u64) -> Result<(), Replayed> {
        // the last number would leave no next one
        let after = sequence.checked_add(1).ok_or(Replayed::TooOld)?;
        if after > self.next {
            self.slide(after);
        } else if self.next.saturating_sub(sequence) > WINDOW {
            return Err(Replayed::TooOld);
        }
        let (word, bit) = place(sequence);
        let word = self.seen.get_mut(word).ok_or(Replayed::TooOld)?;
        if *word & bit != 0 {
            return Err(Replayed::AlreadySeen);
        }
        *word |= bit;
        Ok(())
    }

    fn slide(&mut self, after: u64) {
        if after.saturating_sub(self.next) >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            for number in self.next..after {
                let (word, bit) = place(number);
                if let Some(word) = self.seen.get_mut(word) {
                    *word &= !bit;
                }
            }
        }
        self.next = after;
    }
}

fn place(number: u64) -> (usize, u64) {
    let at = number % WINDOW;
    (usize::try_from(at / WORD).unwrap_or(usize::MAX), 1 << (at % WORD))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow")]
mod tests {
    use alloc::{collections::BTreeSet, vec::Vec};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a model that remembers everything.
        #[test]
        fn behaves_as_its_model(steps in proptest::collection::vec((0u64..3_000, any::<bool>()), 1..400)) {
            let (mut window, mut seen, mut highest) = (ReplayWindow::default(), BTreeSet::new(), None::<u64>);
            let mut base = 0;
            for (step, forward) in steps {
                if forward { base += step }
                let number = base.saturating_sub(if forward { 0 } else { step });
                let expected = if highest.is_some_and(|highest| highest >= number + WINDOW) {
                    Err(Replayed::TooOld)
                } else if seen.contains(&number) {
                    Err(Replayed::AlreadySeen)
                } else {
                    Ok(())
                };
                prop_assert_eq!(window.accept(number), expected);
                if expected.is_ok() {
                    seen.insert(number);
                    highest = highest.max(Some(number));
                }
            }
        }
    }

    #[test]
    fn the_whole_window_may_come_backwards() {
        let mut window = ReplayWindow::default();
        let numbers: Vec<u64> = (5..5 + WINDOW).rev().collect();
        assert!(numbers.iter().all(|number| window.accept(*number).is_ok()));
        assert!(numbers.iter().all(|number| window.accept(*number) == Err(Replayed::AlreadySeen)));
        assert_eq!(window.accept(4), Err(Replayed::TooOld));
        assert_eq!(window.accept(u64::MAX), Err(Replayed::TooOld));
    }
}
