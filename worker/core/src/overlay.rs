//! Writes that have not reached the tree yet, in layers: one of the block, one of the message, one for each nested call.

use std::collections::BTreeMap;

use crate::tree::{StateFault, Tree};

/// Entries to write, and keys to remove.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A key, and its value if it has one.
pub type Step = (Vec<u8>, Option<Vec<u8>>);

/// A tree with layers of changes on top; the last layer is the innermost.
pub struct Overlay {
    tree: Tree,
    layers: Vec<Changes>,
}

impl Overlay {
    /// The tree as it is.
    pub fn new(tree: Tree) -> Self {
        Self { tree, layers: Vec::new() }
    }

    /// Begins a layer.
    pub fn push(&mut self) {
        self.layers.push(Changes::new());
    }

    /// Ends the innermost layer: its changes go to the one below, or nowhere.
    pub fn pop(&mut self, keep: bool) {
        let Some(changes) = self.layers.pop() else { return };
        if let (true, Some(below)) = (keep, self.layers.last_mut()) {
            below.extend(changes);
        }
    }

    /// Ends all layers and moves the tree on by the changes of the outermost.
    pub fn settle(&mut self) -> Result<(), StateFault> {
        let changes = self.layers.drain(..).next().unwrap_or_default();
        if changes.is_empty() { Ok(()) } else { self.tree.apply(changes) }
    }

    /// The tree below.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The tree below.
    pub fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateFault> {
        match self.layers.iter().rev().find_map(|layer| layer.get(key)) {
            Some(change) => Ok(change.clone()),
            None => self.tree.get(key),
        }
    }

    /// Writes or removes. Does nothing without a layer: a query's tree stays as it is.
    pub fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if let Some(layer) = self.layers.last_mut() {
            layer.insert(key, value);
        }
    }

    /// The first key with this prefix that is greater than `after`, with its value; without one if a layer has removed it. Whoever
    /// goes on over removed keys pays for each: they cost a look-up too.
    pub fn step(&self, prefix: &[u8], after: Option<&[u8]>) -> Result<Option<Step>, StateFault> {
        use std::ops::Bound;
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let written = self
            .layers
            .iter()
            .filter_map(|layer| layer.range::<[u8], _>((start, Bound::Unbounded)).next())
            .map(|(key, _)| key)
            .filter(|key| key.starts_with(prefix))
            .min();
        let stored = self.tree.next(prefix, after)?;
        let Some(written) = written else { return Ok(stored.map(|(key, value)| (key, Some(value)))) };
        match stored {
            Some((stored, value)) if stored < *written => Ok(Some((stored, Some(value)))),
            _ => Ok(Some((written.clone(), self.get(written)?))),
        }
    }
}
