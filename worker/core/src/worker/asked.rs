//! When to ask again. What is asked of the chain may get lost on the way, so it is asked again after a number of
//! blocks; blocks are the only clock that all workers share.

/// How many blocks a transaction has to take effect before it is submitted again.
pub const PATIENCE_BLOCKS: u32 = 20;

/// At which block something was asked for last, if it was.
#[derive(Clone, Copy, Default)]
pub struct Asked(Option<u32>);

impl Asked {
    /// Whether it is time to ask, for the first time or again.
    pub fn due(self, block: u32, patience: u32) -> bool {
        self.0.is_none_or(|at| block.saturating_sub(at) >= patience)
    }

    /// Notes that it is asked for at this block.
    pub fn note(&mut self, block: u32) {
        self.0 = Some(block);
    }
}
