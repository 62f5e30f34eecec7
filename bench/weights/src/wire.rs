//! What the runtime's interface for benchmarks takes and gives: the encodings of `frame-benchmarking` 50 (`src/utils.rs`), which
//! the runtime alone links.

use codec::{Decode, Encode};

/// A component's name as the interface has it: the index of a letter, `a` is 0.
pub type Letter = u8;

/// The benchmarks of a pallet.
#[derive(Clone, Decode)]
pub struct List {
    /// The pallet's crate.
    pub pallet: Vec<u8>,
    /// Its name in the runtime.
    pub instance: Vec<u8>,
    /// Its benchmarks.
    pub benchmarks: Vec<Benchmark>,
}

/// A benchmark.
#[derive(Clone, Decode)]
pub struct Benchmark {
    /// Its name.
    pub name: Vec<u8>,
    /// Its components, each with its least and greatest value.
    pub components: Vec<(Letter, u32, u32)>,
    /// How proofs are estimated. Not used: they are measured.
    pub _modes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What to run.
#[derive(Encode)]
pub struct Config {
    /// The pallet's crate.
    pub pallet: Vec<u8>,
    /// Its name in the runtime.
    pub instance: Vec<u8>,
    /// The benchmark.
    pub benchmark: Vec<u8>,
    /// The values of its components.
    pub components: Vec<(Letter, u32)>,
    /// Whether its assertions are checked afterwards.
    pub verify: bool,
    /// How often it runs.
    pub repeats: u32,
}

/// Results of a benchmark.
#[derive(Decode)]
pub struct Batch {
    /// The pallet's crate.
    pub _pallet: Vec<u8>,
    /// Its name in the runtime.
    pub _instance: Vec<u8>,
    /// The benchmark.
    pub _benchmark: Vec<u8>,
    /// One for each time that it ran.
    pub results: Vec<Run>,
}

/// The result of one run.
#[derive(Clone, Decode)]
pub struct Run {
    /// The values of its components.
    pub _components: Vec<(Letter, u32)>,
    /// Nanoseconds of the call.
    pub nanoseconds: u128,
    /// Nanoseconds of the state's root: not part of a call's weight.
    pub _root_nanoseconds: u128,
    /// Values read from the database.
    pub reads: u32,
    /// Values read again.
    pub _repeat_reads: u32,
    /// Values written to the database.
    pub writes: u32,
    /// Values written again.
    pub _repeat_writes: u32,
    /// Bytes of a proof of what was read.
    pub proof: u32,
    /// What was read and written, by prefix.
    pub _keys: Vec<(Vec<u8>, u32, u32, bool)>,
}

/// A name as text.
pub fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// A component's letter as text.
pub fn letter(letter: Letter) -> char {
    char::from(b'a'.saturating_add(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the runtime's side has it: names, then components by the index of their letter, then the two switches.
    #[test]
    fn a_configuration_is_encoded_as_the_interface_wants_it() {
        let config = Config {
            pallet: b"p".to_vec(),
            instance: b"i".to_vec(),
            benchmark: b"b".to_vec(),
            components: vec![(b'k' - b'a', 7)],
            verify: true,
            repeats: 2,
        };
        assert_eq!(config.encode(), [4, b'p', 4, b'i', 4, b'b', 4, 10, 7, 0, 0, 0, 1, 2, 0, 0, 0]);
        assert_eq!(letter(10), 'k');
    }
}
