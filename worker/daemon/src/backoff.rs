//! How long to wait after failures: twice as long each time, up to a limit, and never all workers at the same moment.

use std::time::Duration;

use rand_core::{OsRng, RngCore as _};

/// The first and the longest pause.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first failure, at most.
    pub first: Duration,
    /// After many, at most.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after so many failures in a row, between half of its length and all of it: nodes that come back are not met
    /// by everybody at once.
    pub fn pause(&self, failures: u32) -> Duration {
        let doubled = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        let half = whole / 2;
        let share = f64::from(OsRng.next_u32()) / f64::from(u32::MAX);
        half + half.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(30) };
        for (failures, whole) in
            [(0, 500), (1, 500), (2, 1_000), (3, 2_000), (7, 30_000), (33, 30_000), (u32::MAX, 30_000)]
        {
            let whole = Duration::from_millis(whole);
            for _ in 0..50 {
                let pause = backoff.pause(failures);
                assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
            }
        }
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| backoff.pause(1)).collect();
        assert!(pauses.len() > 1);
    }
}
