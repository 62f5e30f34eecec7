//! The native stack on which contracts run.
//!
//! Contracts are stopped by the counted stack ([`crate::metering`]), which is equal everywhere; the native one only has to be larger. How much larger is
//! derived in `structure.rs` and provided here: a [`Stack`] exists only on threads that this module has made, and [`crate::Engine::call`] asks for one.

use std::{io, marker::PhantomData, thread};

/// Slots of 8 bytes that the functions of one call may hold at a time, by the engine's own count.
pub(crate) const COUNTED_SLOTS: u32 = 128 * 1024;
/// The most native bytes that a counted slot can stand for.
const NATIVE_BYTES_PER_SLOT: usize = 8 * 16;
/// For what is not counted: small functions that call nothing, and the engine's own entry code.
const UNCOUNTED_BYTES: usize = 1024 * 1024;
/// Calls of contracts inside each other, the first one included.
pub(crate) const MAX_CALL_DEPTH: usize = 8;
/// For the host's functions, between one contract and the next.
const HOST_BYTES: usize = 1024 * 1024;

/// Native stack of one call's WebAssembly.
#[allow(clippy::arithmetic_side_effects, reason = "constants")]
pub(crate) const NATIVE_BYTES: usize = COUNTED_SLOTS as usize * NATIVE_BYTES_PER_SLOT + UNCOUNTED_BYTES;
/// Stack of a thread. It is reserved, not used: ordinary contracts touch some ten kilobytes.
#[allow(clippy::arithmetic_side_effects, reason = "constants")]
const THREAD_BYTES: usize = MAX_CALL_DEPTH * (NATIVE_BYTES + HOST_BYTES);

/// Proof that the current thread's stack is large enough for contracts. Cannot leave the thread.
pub struct Stack {
    bound: PhantomData<*mut ()>,
}

impl Stack {
    /// Starts a thread that can run contracts, as many and as often as it likes.
    pub fn spawn<R: Send + 'static>(
        name: impl Into<String>,
        work: impl FnOnce(&Stack) -> R + Send + 'static,
    ) -> io::Result<thread::JoinHandle<R>> {
        let builder = thread::Builder::new().name(name.into()).stack_size(THREAD_BYTES);
        builder.spawn(|| work(&Stack { bound: PhantomData }))
    }

    /// Runs `work` on such a thread and waits for it. A panic of `work` goes on here.
    pub fn run<R: Send>(work: impl FnOnce(&Stack) -> R + Send) -> io::Result<R> {
        thread::scope(|scope| {
            let builder = thread::Builder::new().name("contract".into()).stack_size(THREAD_BYTES);
            match builder.spawn_scoped(scope, || work(&Stack { bound: PhantomData }))?.join() {
                Ok(result) => Ok(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}
