//! The native stack on which contracts run.
//!
//! Contracts are stopped by the counted stack ([`crate::metering`]), which is equal everywhere; the native one only has to be larger. How much larger is
//! derived in `structure.rs` and provided here: a [`Stack`] exists only on threads that this module has made, and [`crate::Engine::call`] asks for one.

use std::{cell::Cell, io, marker::PhantomData, thread};

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

thread_local! {
    /// Whether this thread's stack is lent and free.
    static LENT: Cell<bool> = const { Cell::new(false) };
}

/// Proof that the current thread's stack is large enough for contracts. Cannot leave the thread.
pub struct Stack {
    bound: PhantomData<*mut ()>,
}

impl Stack {
    /// Starts a thread that can run contracts, as many and as often as it likes.
    pub fn spawn<R: Send + 'static>(
        name: impl Into<String>,
        work: impl FnOnce(&mut Stack) -> R + Send + 'static,
    ) -> io::Result<thread::JoinHandle<R>> {
        let builder = thread::Builder::new().name(name.into()).stack_size(THREAD_BYTES);
        builder.spawn(|| work(&mut Stack { bound: PhantomData }))
    }

    /// Runs `work` so that what it calls finds this stack by [`Stack::here`]: for an executor, whose tasks cannot be handed a reference.
    pub fn lend<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let _returned = Lent::set(true);
        work()
    }

    /// Hands the stack of this thread to `work`, if the thread has lent one and nobody uses it: a call inside of a call would have
    /// less of it than it is promised.
    pub fn here<R>(work: impl FnOnce(&Stack) -> R) -> Option<R> {
        if !LENT.get() {
            return None;
        }
        let _returned = Lent::set(false);
        Some(work(&Stack { bound: PhantomData }))
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

/// Sets the mark of the thread, and back when dropped, by a panic too.
struct Lent {
    before: bool,
}

impl Lent {
    fn set(lent: bool) -> Self {
        Self { before: LENT.replace(lent) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        LENT.set(self.before);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_found_where_it_is_lent_and_free() {
        assert!(Stack::here(|_| ()).is_none(), "an ordinary thread has none");
        let found = Stack::spawn("lending", |stack| {
            assert!(Stack::here(|_| ()).is_none(), "it was not lent");
            let found = stack.lend(|| {
                let inside = Stack::here(|_| Stack::here(|_| ()).is_some());
                let panicked = std::panic::catch_unwind(|| Stack::here(|_| panic!("on purpose"))).is_err();
                (inside, panicked, Stack::here(|_| ()).is_some())
            });
            (found, Stack::here(|_| ()).is_some())
        });
        assert_eq!(found.unwrap().join().unwrap(), ((Some(false), true, true), false));
    }
}
