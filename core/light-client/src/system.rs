//! What every Substrate chain keeps in its state: its time, and the hash of its genesis.

use phala_primitives::{Hash256, storage_key};

use crate::{ReadError, Verified, VerifiedRead};

impl VerifiedRead {
    /// The chain's time at this header, in milliseconds since the Unix epoch. Needs [`storage_key::timestamp_now`] among
    /// the keys.
    pub fn time_ms(&self) -> Result<Verified<u64>, ReadError> {
        self.require(&storage_key::timestamp_now())
    }

    /// Whether the state belongs to the chain with this genesis. Needs [`storage_key::block_hash`] of block 0 among the
    /// keys, the one block hash that `frame_system` never prunes. A chain whose authorities also serve another chain
    /// cannot be told from it by their votes; by this it can.
    pub fn confirm_genesis(&self, genesis: &Hash256) -> Result<(), ReadError> {
        let found = self.require::<Hash256>(&storage_key::block_hash(0))?;
        if *found == *genesis { Ok(()) } else { Err(ReadError::OtherChain) }
    }
}
