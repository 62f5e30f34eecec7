//! Gas and outputs that no change may move without a new engine revision: `vectors/engine/revision-1.json`.
//!
//! After a deliberate change before a revision's release: `PHALA_BLESS=1 cargo test -p phat-engine --test golden`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use phat_engine::{Entry, Finished, Outcome};
use serde::{Deserialize, Serialize};
use support::*;

const GAS: u64 = 50_000_000;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vector {
    name: String,
    gas_used: u64,
    outcome: String,
}

fn contracts() -> Vec<(&'static str, String)> {
    let run_ok = |body: &str| run(&format!("{body} (call $ok (i32.const 2048) (i32.const 8))"));
    vec![
        ("nothing", run("(call $ok (i32.const 0) (i32.const 0))")),
        ("echo", run("(call $ok (local.get $in) (local.get $len))")),
        ("refusal", run("(call $err (i32.const 77))")),
        ("panic", run("unreachable")),
        ("endless", run("(loop $l (br $l)) unreachable")),
        (
            "recursion",
            r#"(func $down (param i32) (result i32) (i32.add (i32.const 1) (call $down (local.get 0))))
               (func (export "run") (param i32 i32) (result i32) (call $down (i32.const 0)))"#
                .into(),
        ),
        (
            "fibonacci",
            r#"(func $fib (param i64) (result i64)
                 (if (result i64) (i64.lt_u (local.get 0) (i64.const 2)) (then (local.get 0))
                   (else (i64.add (call $fib (i64.sub (local.get 0) (i64.const 1))) (call $fib (i64.sub (local.get 0) (i64.const 2)))))))
               (func (export "run") (param i32 i32) (result i32)
                 (i64.store (i32.const 2048) (call $fib (i64.const 20))) (call $ok (i32.const 2048) (i32.const 8)))"#
                .into(),
        ),
        ("fill", run_ok("(memory.fill (i32.const 2048) (i32.const 7) (i32.const 60000))")),
        ("grow", run_ok("(i32.store (i32.const 2048) (memory.grow (i32.const 100)))")),
        ("nan", run_ok("(f64.store (i32.const 2048) (f64.div (f64.const 0) (f64.neg (f64.const 0))))")),
        ("float", run_ok("(f64.store (i32.const 2048) (f64.sqrt (f64.mul (f64.const 1.1) (f64.const 3.3))))")),
        (
            "storage",
            run_ok(
                "(i64.store (i32.const 64) (i64.const 42))
                 (call $set (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 8) (i32.const 3000))
                 (call $get (i32.const 0) (i32.const 3) (i32.const 3000))
                 (i64.store (i32.const 2048) (i64.load (i32.load (i32.const 3008))))",
            ),
        ),
        (
            "simd",
            run_ok("(v128.store (i32.const 2048) (i32x4.mul (v128.const i32x4 1 2 3 4) (i32x4.splat (local.get $len))))"),
        ),
    ]
}

fn describe(finished: &Finished) -> String {
    match &finished.outcome {
        Outcome::Ok(output) => format!("ok {}", output.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Outcome::Err(error) => format!("err {}", error.code),
        Outcome::Trap(trap) => format!("trap {trap}"),
    }
}

fn measure() -> Vec<Vector> {
    let measure = |(name, body): (&str, String)| {
        let finished = call(&code(&body), Entry::Command { input: b"an input" }, GAS);
        Vector { name: name.into(), gas_used: finished.gas_used, outcome: describe(&finished) }
    };
    contracts().into_iter().map(measure).collect()
}

#[test]
fn gas_and_outputs_are_those_of_the_revision() {
    let path = "../../vectors/engine/revision-1.json";
    let measured = measure();
    if std::env::var_os("PHALA_BLESS").is_some() {
        std::fs::write(path, serde_json::to_string_pretty(&measured).unwrap() + "\n").unwrap();
    }
    let golden: Vec<Vector> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(measured, golden);
}

#[test]
fn compiled_anew_and_called_again_nothing_changes() {
    assert_eq!(measure(), measure());
}
