//! The functions of the world: for each the checks of mode and length, the price, and the host's part.
//!
//! All take their price before they do their work. Arguments have been copied by then: that much, and no more, a contract can make the host do on credit, and
//! [`crate::limits::ARGUMENT_BYTES`] bounds it.

mod actions;
mod context;
mod contracts;
mod crypto;
mod events;
mod http;
mod keys;
mod storage;

use wasmtime::{Error, component::Linker};

use crate::{Host, run::Run};

/// Defines the whole world.
pub(crate) fn world<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    linker.instance("phala:contract/types@0.1.0")?;
    context::link(linker)?;
    storage::link(linker)?;
    keys::link(linker)?;
    crypto::link(linker)?;
    http::link(linker)?;
    contracts::link(linker)?;
    actions::link(linker)?;
    events::link(linker)
}
