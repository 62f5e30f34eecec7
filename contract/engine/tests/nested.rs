//! Calls of contracts inside each other.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::BTreeMap;

use phat_engine::{Entry, Limits};
use support::*;

const GAS: u64 = 1_000_000_000;

/// Sets a key to its input, calls the contract whose id is 32 times the first byte of the input with the rest of it, and
/// returns tag and kind of error, or the callee's output.
const CALLER: &str = r#"
    (func (export "run") (param $in i32) (param $len i32) (result i32)
      (if (i32.eqz (local.get $len)) (then (return (call $ok (i32.const 0) (i32.const 0)))))
      (call $set (i32.const 0) (i32.const 1) (local.get $in) (local.get $len) (i32.const 2048))
      (if (i32.eq (i32.load8_u (local.get $in)) (i32.const 254)) (then (return (call $err (i32.const 9)))))
      (if (i32.eq (i32.load8_u (local.get $in)) (i32.const 255)) (then (loop $l (br $l))))
      (memory.fill (i32.const 2100) (i32.load8_u (local.get $in)) (i32.const 32))
      (call $call (i32.const 2100) (i32.const 32) (i32.add (local.get $in) (i32.const 1)) (i32.sub (local.get $len) (i32.const 1))
        (i32.const 0) (i64.const 0) (i32.const 2200))
      (if (i32.eqz (i32.load8_u (i32.const 2200)))
        (then (return (call $ok (i32.load (i32.const 2204)) (i32.load (i32.const 2208))))))
      (call $ok (i32.const 2204) (i32.const 1)))"#;

fn run_chain(input: &[u8], contracts: &[u8]) -> (Vec<u8>, MemoryHost) {
    let code = code(CALLER);
    let contracts: BTreeMap<_, _> = contracts.iter().map(|id| ([*id; 32], code.clone())).collect();
    let host = MemoryHost { contracts, ..MemoryHost::default() };
    let (host, finished) = call_with(&code, Entry::Command { input }, GAS, Limits::default(), host);
    (output(&finished.unwrap()).to_vec(), host.unwrap())
}

#[test]
fn a_call_keeps_the_effects_of_both() {
    let (output, host) = run_chain(&[2], &[2]);
    assert_eq!(output, b"");
    assert_eq!(host.state.keys().map(|(id, _)| id[0]).collect::<Vec<_>>(), [1], "the callee had nothing to do");
    let (_, host) = run_chain(&[2, 3], &[2, 3]);
    assert_eq!(host.state.keys().map(|(id, _)| id[0]).collect::<Vec<_>>(), [1, 2]);
    assert!(host.frames.is_empty());
}

#[test]
fn a_refusal_drops_the_effects_of_the_callee_only() {
    let (output, host) = run_chain(&[2, 254], &[2]);
    assert_eq!(output, [4], "failed");
    assert_eq!(host.state.keys().map(|(id, _)| id[0]).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_callee_that_loops_leaves_the_caller_enough_to_go_on() {
    let (output, host) = run_chain(&[2, 255], &[2]);
    assert_eq!(output, [5], "out-of-gas");
    assert_eq!(host.state.keys().map(|(id, _)| id[0]).collect::<Vec<_>>(), [1]);
}

#[test]
fn nobody_is_entered_twice() {
    assert_eq!(run_chain(&[1], &[1]).0, [1], "re-entry of itself");
    assert_eq!(run_chain(&[2, 1], &[1, 2]).0, [1], "re-entry by way of another");
    assert_eq!(run_chain(&[9], &[2]).0, [0], "no-such-contract");
}

#[test]
fn eight_calls_deep_and_no_deeper() {
    let all: Vec<u8> = (2..=9).collect();
    // Seven calls below the first one, the last with nothing to do.
    assert_eq!(run_chain(&[2, 3, 4, 5, 6, 7, 8], &all).0, b"");
    assert_eq!(run_chain(&[2, 3, 4, 5, 6, 7, 8, 9], &all).0, [2], "too-deep");
}
