//! Values that the chain's finalised state, and not merely a node, stands behind.

use core::ops::Deref;

use crate::FinalizedHeader;

/// A value that was proven at a finalised header, and decoded. Only this crate makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    at: FinalizedHeader,
}

impl<T> Verified<T> {
    pub(crate) fn new(value: T, at: FinalizedHeader) -> Self {
        Self { value, at }
    }

    /// The header at whose state it was proven. It may be older than the client's newest.
    pub fn at(&self) -> &FinalizedHeader {
        &self.at
    }

    /// Leaves the proof behind.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Verified<Option<T>> {
    /// The value, if it was proven present; `None` if it was proven absent.
    pub fn present(self) -> Option<Verified<T>> {
        let at = self.at;
        self.value.map(|value| Verified { value, at })
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
