//! The component's exports, its allocator, and what happens when it panics.

use alloc::{format, vec::Vec};
use core::marker::PhantomData;

use crate::{
    Error, Level,
    bindings::{Guest, phala::contract::types},
    dispatch::{Contract, split},
    host,
    types::bytes32,
};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    host::log(Level::Error, &format!("{info}"));
    core::arch::wasm32::unreachable()
}

/// A contract as the world wants it.
pub struct Exports<C>(PhantomData<C>);

fn refused(error: Error) -> types::Error {
    types::Error { code: error.code, message: error.message, data: Vec::new() }
}

impl<C: Contract> Guest for Exports<C> {
    fn init(args: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        C::init(&args).map_err(refused)
    }

    fn command(input: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        split(&input).and_then(|(method, args)| C::command(&method, args)).map_err(refused)
    }

    fn query(input: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        split(&input).and_then(|(method, args)| C::query(&method, args)).map_err(refused)
    }

    fn migrate(from_code_hash: Vec<u8>, args: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        C::migrate(bytes32(&from_code_hash), &args).map_err(refused)
    }
}
