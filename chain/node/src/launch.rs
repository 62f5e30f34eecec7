//! Whether a chain can run: its genesis names the validators that make and finalise the first blocks.
//!
//! The presets of the public networks name none. They are what a launch starts from: whoever launches adds the validators, and
//! publishes the chain spec that comes of it.

use std::{fmt, sync::Arc};

use phala_runtime::opaque::Block;
use sc_consensus_grandpa::GenesisAuthoritySetProvider;
use sp_consensus_grandpa::AuthorityList;

use crate::service::Client;

/// The genesis names no validators.
pub struct NotLaunched;

/// The same words: a process that ends by an error prints it in this form.
impl fmt::Debug for NotLaunched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NotLaunched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this chain is not launched: its genesis names no validators. Give the chain spec of the launch, `--chain FILE`",
        )
    }
}

impl std::error::Error for NotLaunched {}

/// The authorities of the genesis. GRANDPA takes it for granted that there are some, and ends the process where there are none.
pub struct FirstAuthorities(pub Arc<Client>);

impl GenesisAuthoritySetProvider<Block> for FirstAuthorities {
    fn get(&self) -> Result<AuthorityList, sp_blockchain::Error> {
        let authorities = GenesisAuthoritySetProvider::<Block>::get(&self.0)?;
        if authorities.is_empty() {
            return Err(sp_blockchain::Error::Application(Box::new(NotLaunched)));
        }
        Ok(authorities)
    }
}
