//! What the caller of a failed operation can do about it.

/// Each error of this crate answers `remedy()` with one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// This node lied, is damaged or is behind: ask another one. The same bytes will fail again.
    AskAnotherNode,
    /// The chain changed its authorities by force. No proof leads past it; a signed [`Anchor`](crate::Anchor) does.
    NeedsAnchor,
    /// The chain speaks a version that this program does not know.
    Upgrade,
    /// The operator's or the caller's own input is wrong.
    FixInput,
}
