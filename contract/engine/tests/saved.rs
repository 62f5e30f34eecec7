//! Compiled code that goes to disk and comes back.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

mod support;

use phat_engine::{Compiled, Entry, Limits, Stack};
use support::MemoryHost;

#[test]
fn restored_code_does_the_same_for_the_same_gas() {
    let component = support::component(&support::run("(call $ok (i32.const 0) (i32.const 3))"));
    let code = support::compile(&component).unwrap();
    let engine = support::engine();
    let saved = engine.save(&code).unwrap();
    let restored = engine.restore(&Compiled::from_authenticated(saved.as_bytes().to_vec())).unwrap();
    Stack::run(|stack| {
        let call = |code| {
            let entry = Entry::Command { input: b"abc" };
            engine.call(stack, code, entry, 1 << 40, Limits::default(), MemoryHost::default()).1.unwrap()
        };
        let (one, other) = (call(&code), call(&restored));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert!(one.gas_used > 0);
    })
    .unwrap();
}

#[test]
fn what_is_no_code_of_this_engine_is_refused() {
    let engine = support::engine();
    for bytes in [vec![], vec![0; 7], vec![0; 8], vec![0; 1_000], b"\0\0\0\0\0\0\0\0\x7fELF and nothing else".to_vec()]
    {
        assert!(engine.restore(&Compiled::from_authenticated(bytes)).is_err());
    }
}
