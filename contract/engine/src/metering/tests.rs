//! Metered modules compute what they computed before.
#![allow(clippy::arithmetic_side_effects, reason = "tests")]

use proptest::prelude::*;
use wasmtime::{Config, Engine, Instance, Module, Store, Trap};

use crate::structure;

/// One of the last function's three i32 locals or two parameters.
fn local() -> impl Strategy<Value = u32> {
    0..5_u32
}

/// An expression of type i32 in text.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        local().prop_map(|l| format!("(local.get {l})")),
        (-4..300_i32).prop_map(|c| format!("(i32.const {c})")),
        Just("(memory.size)".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop_oneof![
            Just("i32.add"),
            Just("i32.mul"),
            Just("i32.sub"),
            Just("i32.div_u"),
            Just("i32.rem_s"),
            Just("i32.lt_s"),
            Just("i32.xor"),
        ];
        prop_oneof![
            (operator, inner.clone(), inner.clone()).prop_map(|(op, a, b)| format!("({op} {a} {b})")),
            inner.clone().prop_map(|a| format!("(i32.load8_u offset=3 (i32.and {a} (i32.const 0x1ffff)))")),
            inner.clone().prop_map(|a| format!("(i32.trunc_f32_s (f32.convert_i32_s {a}))")),
            inner.clone().prop_map(|a| format!("(i32.trunc_f64_u (f64.sqrt (f64.convert_i32_s {a})))")),
            inner.clone().prop_map(|a| format!("(memory.grow (i32.and {a} (i32.const 1)))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(call $small {a} {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(if (result i32) {a} (then {b}) (else {c}))")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(block (result i32) (br_if 0 {a} {b}))")),
        ]
    })
}

/// A statement. Labels: 0 and 1 are open blocks wherever it stands.
fn statement() -> impl Strategy<Value = String> {
    let simple = prop_oneof![
        4 => (local(), expression()).prop_map(|(l, e)| format!("(local.set {l} {e})")),
        2 => (expression(), expression()).prop_map(|(a, v)| format!("(i32.store (i32.and {a} (i32.const 0xffff)) {v})")),
        1 => (expression(), expression(), expression())
            .prop_map(|(d, v, n)| format!("(memory.fill {d} {v} (i32.and {n} (i32.const 0x3fff)))")),
        1 => (expression(), expression(), expression()).prop_map(|(d, s, n)| format!("(memory.copy {d} {s} {n})")),
        1 => (expression(), expression()).prop_map(|(a, b)| format!("(call $pair {a} {b}) (local.set 3) (local.set 4)")),
        1 => expression().prop_map(|e| format!("(br_if 0 {e})")),
        1 => (expression(), expression()).prop_map(|(c, e)| format!("(if {c} (then (return (i32.const 5) {e})))")),
    ];
    simple.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|s| format!("(block {})", s.concat())),
            (expression(), inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| format!("(if {c} (then {a}) (else {b}))")),
            (expression(), inner.clone(), inner)
                .prop_map(|(c, a, b)| format!("(block (block (block (br_table 0 1 2 {c})) {a}) {b})")),
        ]
    })
}

fn module() -> impl Strategy<Value = String> {
    (prop::collection::vec(statement(), 1..8), expression(), prop::collection::vec(statement(), 1..4)).prop_map(
        |(body, result, pair)| {
            format!(
                r#"(memory (export "memory") 1 4)
                (func $small (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
                (func $pair_body (param i32 i32) (result i32 i32) (local i32 i32 i32) (block (block {pair})) (local.get 2) (local.get 3))
                (func $pair (param i32 i32) (result i32 i32) (i32.const 1) (call $small (local.get 0) (local.get 1)))
                (func (export "run") (param i32 i32) (result i32 i32) (local i32 i32 i32)
                  (block (block {body})) (call $pair_body (local.get 2) (local.get 3)) (i32.add {result}))"#,
                pair = pair.concat(),
                body = body.concat(),
            ) + "\n"
        },
    )
}

type Observed = (Result<(i32, i32), Trap>, Vec<u8>);

fn observe(engine: &Engine, bytes: &[u8]) -> Observed {
    let module = Module::from_binary(engine, bytes).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<(i32, i32), (i32, i32)>(&mut store, "run").unwrap();
    let result = run.call(&mut store, (17, -3)).map_err(|error| *error.downcast_ref::<Trap>().unwrap());
    let memory = instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec();
    (result, memory)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn metering_changes_no_result(text in module()) {
        let plain = wat::parse_str(format!("(module {text})")).unwrap();
        let component = wat::parse_str(format!("(component (core module {text}))")).unwrap();
        let survey = structure::survey(&component).unwrap();
        let module = survey.modules.first().unwrap();
        let metered = super::meter_module(&plain, module, crate::stack::COUNTED_SLOTS).unwrap().finish();
        let engine = Engine::new(&Config::new()).unwrap();
        let (mut expected, found) = (observe(&engine, &plain), observe(&engine, &metered));
        // The one change that is meant: see the module's documentation.
        if expected.0 == Err(Trap::BadConversionToInteger) {
            expected.0 = Err(Trap::UnreachableCodeReached);
        }
        prop_assert_eq!(expected, found);
    }
}
