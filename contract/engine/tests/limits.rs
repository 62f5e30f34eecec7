//! What hostile contracts get: each limit at its edge.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use phat_engine::{Entry, Limits, Outcome, Trap};
use support::*;

const GAS: u64 = 100_000_000;
const ENDLESS: &str = "(loop $l (br $l)) unreachable";
/// Recursion without an end that the compiler could turn into a loop.
const RECURSION: &str = r#"
    (func $down (param i32) (result i32) (i32.add (i32.const 1) (call $down (i32.add (local.get 0) (i32.const 1)))))
    (func (export "run") (param i32 i32) (result i32) (drop (call $down (i32.const 0))) (call $ok (i32.const 0) (i32.const 0)))"#;

#[test]
fn an_endless_loop_runs_out_of_gas_in_a_command() {
    let code = code(&run(ENDLESS));
    let start = Instant::now();
    let finished = command(&code, GAS);
    assert_eq!((trap(&finished), finished.gas_used), (Trap::OutOfGas, GAS));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn an_endless_loop_is_stopped_by_the_deadline_in_a_query() {
    let code = code(&run(ENDLESS));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                engine().tick();
                thread::yield_now();
            }
        });
        let finished = call(&code, Entry::Query { input: b"", ticks: 5 }, u64::MAX / 4);
        done.store(true, Ordering::Relaxed);
        assert_eq!(trap(&finished), Trap::TimedOut);
        assert!(finished.gas_used < u64::MAX / 4);
    });
}

#[test]
fn a_query_has_its_gas_cap_too() {
    let finished = call(&code(&run(ENDLESS)), Entry::Query { input: b"", ticks: u64::MAX / 4 }, GAS);
    assert_eq!(trap(&finished), Trap::OutOfGas);
}

#[test]
fn deep_recursion_ends_at_the_same_place_every_time() {
    let code = code(RECURSION);
    let first = command(&code, GAS);
    assert_eq!(trap(&first), Trap::StackExhausted);
    assert!(first.gas_used < GAS / 10, "costs what it used: {}", first.gas_used);
    // From another depth of the native stack too.
    for depth in 0..4 {
        assert_eq!(deeper(depth, &|| command(&code, GAS).gas_used), first.gas_used);
    }
}

fn deeper(depth: u32, f: &dyn Fn() -> u64) -> u64 {
    let room = [0_u8; 10_000];
    std::hint::black_box(&room);
    if depth == 0 { f() } else { deeper(depth - 1, f) }
}

/// Frames that are as large in native code as they can be for their count: values that the source drops and uses again, so that the compiler keeps them.
#[test]
fn the_counted_stack_ends_before_the_native_one_for_wide_frames() {
    let products: String =
        (0..3000).map(|i| format!("(drop (i64.mul (local.get $x) (i64.const {})))", 2 * i + 3)).collect();
    let sum = |from: &str| {
        (0..3000)
            .fold(from.to_owned(), |sum, i| format!("{sum} (i64.mul (local.get $x) (i64.const {})) i64.add", 2 * i + 3))
    };
    let body = format!(
        r#"(func $down (param $x i64) (result i64) (local $s i64)
             {products} {first} (local.set $s)
             (call $down (i64.add (local.get $x) (local.get $s)))
             {second} (i64.add (local.get $s)))
           (func (export "run") (param i32 i32) (result i32) (drop (call $down (i64.const 5))) (call $ok (i32.const 0) (i32.const 0)))"#,
        first = sum("(i64.const 0)"),
        second = sum(""),
    );
    let finished = command(&code(&body), GAS);
    assert_eq!(trap(&finished), Trap::StackExhausted);
}

#[test]
fn wide_locals_count_for_the_stack() {
    let locals = "i64 ".repeat(2000);
    let sets: String =
        (0..2000).map(|i| format!("(local.set {} (i64.add (local.get $x) (i64.const {i})))", i + 1)).collect();
    let gets: String = (0..2000).map(|i| format!("(local.get {}) i64.add ", i + 1)).collect();
    let body = format!(
        r#"(func $down (param $x i64) (result i64) (local {locals}) {sets}
             (call $down (i64.add (local.get $x) (i64.const 1))) {gets})
           (func (export "run") (param i32 i32) (result i32) (drop (call $down (i64.const 5))) (call $ok (i32.const 0) (i32.const 0)))"#
    );
    assert_eq!(trap(&command(&code(&body), GAS)), Trap::StackExhausted);
}

#[test]
fn stack_is_given_back_on_every_way_out_of_a_function() {
    let body = r#"
        (func $leaf (param i32) (result i32) (call $id (local.get 0)))
        (func $id (param i32) (result i32) (if (result i32) (local.get 0) (then (return (i32.const 1))) (else (i32.const 2))))
        (func $pair (param i32) (result i32 i32) (call $id (local.get 0)) (i32.const 3) (br_if 0 (local.get 0)) (return))
        (func $table (param i32) (block $a (block $b (br_table $a $b 2 (call $id (local.get 0))))))
        (func (export "run") (param i32 i32) (result i32) (local $i i32)
          (loop $again
            (drop (call $leaf (local.get $i)))
            (call $pair (i32.and (local.get $i) (i32.const 1))) drop drop
            (call $table (i32.and (local.get $i) (i32.const 3)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 200000))))
          (call $ok (i32.const 0) (i32.const 0)))"#;
    assert_eq!(output(&command(&code(body), GAS)), b"");
}

#[test]
fn filling_memory_in_a_loop_runs_out_of_gas_soon() {
    // Ready for 62 MiB of fill, as often as the gas lasts.
    let body = run("(drop (memory.grow (i32.const 991)))
        (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65011712)) (br $l)) unreachable");
    let start = Instant::now();
    let finished = command(&code(&body), 1_000_000_000);
    assert_eq!(trap(&finished), Trap::OutOfGas);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn bulk_operations_cost_by_their_length() {
    let gas = |length: u32| {
        let body = run(&format!(
            "(drop (memory.grow (i32.const 32))) (memory.copy (i32.const 0) (i32.const 8) (i32.const {length})) (call $ok (i32.const 0) (i32.const 0))"
        ));
        let finished = command(&code(&body), GAS);
        assert_eq!(output(&finished), b"");
        finished.gas_used
    };
    let (nothing, little, much) = (gas(0), gas(32 * 1000), gas(32 * 2000));
    assert!(little > nothing + 5000);
    assert_eq!(much - little, 5 * 1000);
}

#[test]
fn memory_grows_to_the_limit_and_no_further() {
    // The instance has one page; 1,023 more make 64 MiB.
    let grow = |pages: u32| {
        let body = run(&format!(
            "(i32.store (i32.const 0) (memory.grow (i32.const {pages}))) (call $ok (i32.const 0) (i32.const 4))"
        ));
        output(&command(&code(&body), GAS)).to_vec()
    };
    assert_eq!(grow(1023), 1_u32.to_le_bytes());
    assert_eq!(grow(1024), u32::MAX.to_le_bytes());
    assert_eq!(grow(65_536), u32::MAX.to_le_bytes());
    assert_eq!(grow(u32::MAX), u32::MAX.to_le_bytes());
}

#[test]
fn giving_up_after_memory_was_refused_is_out_of_memory() {
    let body = run(
        "(if (i32.eq (memory.grow (i32.const 2000)) (i32.const -1)) (then unreachable)) (call $ok (i32.const 0) (i32.const 0))",
    );
    assert_eq!(trap(&command(&code(&body), GAS)), Trap::OutOfMemory);
}

#[test]
fn starting_with_too_much_memory_is_out_of_memory() {
    let code = compile(&component_with(&run("(call $ok (i32.const 0) (i32.const 0))"), 17)).unwrap();
    let limits = |memory_bytes| Limits { memory_bytes, ..Limits::default() };
    let call = |limits| call_with(&code, Entry::Command { input: b"" }, GAS, limits, MemoryHost::default()).1.unwrap();
    assert_eq!(output(&call(limits(17 * 65536))), b"");
    assert_eq!(trap(&call(limits(16 * 65536))), Trap::OutOfMemory);
}

#[test]
fn an_output_may_be_as_long_as_the_limit() {
    let long = |length: u32| {
        let body = run(&format!("(drop (memory.grow (i32.const 32))) (call $ok (i32.const 0) (i32.const {length}))"));
        command(&code(&body), GAS)
    };
    assert_eq!(output(&long(1024 * 1024)).len(), 1024 * 1024);
    assert_eq!(trap(&long(1024 * 1024 + 1)), Trap::OutputTooLong);
}

#[test]
fn keys_and_values_have_their_lengths() {
    // Sets a key of the input's first 4 bytes as length to a value of the next 4 as length; returns tag and error.
    let body = run(r#"
        (drop (memory.grow (i32.const 32)))
        (call $set (i32.const 65536) (i32.load (local.get $in)) (i32.const 65536) (i32.load offset=4 (local.get $in)) (i32.const 2048))
        (call $ok (i32.const 2048) (i32.const 2))"#);
    let code = code(&body);
    let set = |entry: fn(&[u8]) -> Entry<'_>, key: u32, value: u32| {
        let input = [key.to_le_bytes(), value.to_le_bytes()].concat();
        output(&call(&code, entry(&input), GAS)).to_vec()
    };
    fn command(input: &[u8]) -> Entry<'_> {
        Entry::Command { input }
    }
    fn query(input: &[u8]) -> Entry<'_> {
        Entry::Query { input, ticks: u64::MAX / 4 }
    }
    assert_eq!(set(command, 256, 1024 * 1024)[0], 0);
    assert_eq!(set(command, 257, 1), [1, 1]);
    assert_eq!(set(command, 1, 1024 * 1024 + 1), [1, 2]);
    assert_eq!(set(query, 1, 1), [1, 0], "queries do not write");
}

#[test]
fn http_in_a_command_is_a_typed_error_and_reaches_nobody() {
    let body = run(r#"
        (call $fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))
        (i32.store8 (i32.const 3000) (i32.load8_u (i32.const 2048)))
        (i32.store8 (i32.const 3001) (i32.load8_u (i32.const 2052)))
        (call $ok (i32.const 3000) (i32.const 2))"#);
    let code = code(&body);
    let fetch = |entry| {
        let (host, finished) = call_with(&code, entry, GAS, Limits::default(), MemoryHost::default());
        (output(&finished.unwrap()).to_vec(), host.unwrap().fetches)
    };
    assert_eq!(fetch(Entry::Command { input: b"" }), (vec![1, 0], 0), "not-available-in-mode");
    assert_eq!(fetch(Entry::Query { input: b"", ticks: u64::MAX / 4 }), (vec![1, 6], 1), "the host's own answer");
}

#[test]
fn a_fault_costs_the_whole_limit_and_giving_up_only_what_was_used() {
    for (body, expected) in [
        ("(i32.div_u (i32.const 1) (local.get $len))", Trap::Arithmetic),
        ("(i32.load (i32.const -8))", Trap::Memory),
        ("(call_indirect (result i32) (i32.const 9))", Trap::Table),
    ] {
        let finished = command(&code(&format!("(table 1 funcref) {}", run(body))), GAS);
        assert_eq!((trap(&finished), finished.gas_used), (expected, GAS));
    }
    for body in ["unreachable", "(i32.trunc_f32_s (f32.const nan))", "(i32.trunc_f64_u (f64.const nan))"] {
        let finished = command(&code(&run(body)), GAS);
        assert_eq!(trap(&finished), Trap::Unreachable);
        assert!(finished.gas_used < GAS / 2);
    }
}

#[test]
fn pointers_outside_of_the_memory_are_the_contracts_fault() {
    let finished = command(&code(&run("(call $ok (i32.const -16) (i32.const 1000))")), GAS);
    assert_eq!((trap(&finished), finished.gas_used), (Trap::Boundary, GAS));
}

#[test]
fn a_failing_host_gives_no_outcome() {
    let code =
        code(&run("(call $get (i32.const 0) (i32.const 1) (i32.const 2048)) (call $ok (i32.const 0) (i32.const 0))"));
    let host = MemoryHost { fail_reads: true, ..MemoryHost::default() };
    let (_, finished) = call_with(&code, Entry::Command { input: b"" }, GAS, Limits::default(), host);
    assert!(finished.is_err());
}

#[test]
fn an_error_of_the_contract_keeps_its_code() {
    match command(&code(&run("(call $err (i32.const 42))")), GAS).outcome {
        Outcome::Err(error) => assert_eq!(error.code, 42),
        other => panic!("{other:?}"),
    }
}
