//! Code that is refused before it runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use phat_engine::{CodeError, Limits};
use support::*;

fn refused(component: &[u8]) -> CodeError {
    match compile(component) {
        Err(error) => error,
        Ok(_) => panic!("accepted"),
    }
}

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn bytes_that_are_no_component() {
    for bytes in [&b""[..], b"hello, world", b"\0asm", &[0; 1000]] {
        assert_eq!(refused(bytes), CodeError::NotAComponent);
    }
    assert_eq!(refused(&text("(module)")), CodeError::NotAComponent);
}

#[test]
fn truncated_and_damaged_components() {
    let whole = component(&run("(call $ok (i32.const 0) (i32.const 0))"));
    for length in (8..whole.len()).step_by(37) {
        refused(whole.get(..length).unwrap());
    }
    // Flipped bits either leave a valid component or give an error; nothing panics.
    for at in (0..whole.len()).step_by(41) {
        let mut damaged = whole.clone();
        *damaged.get_mut(at).unwrap() ^= 0x55;
        let _ = compile(&damaged);
    }
}

#[test]
fn too_long() {
    let whole = component(&run("(call $ok (i32.const 0) (i32.const 0))"));
    let limits = |code_bytes| Limits { code_bytes, ..Limits::default() };
    assert!(engine().compile(&whole, &limits(whole.len())).is_ok());
    match engine().compile(&whole, &limits(whole.len().checked_sub(1).unwrap())) {
        Err(CodeError::TooLong { bytes, .. }) => assert_eq!(bytes, whole.len()),
        _ => panic!("accepted"),
    }
}

#[test]
fn imports_outside_of_the_world() {
    let unknown = |name: &str| match refused(&text(&format!(r#"(component (import "{name}" (instance)))"#))) {
        CodeError::UnknownImport(import) => assert_eq!(import, name),
        other => panic!("{other:?}"),
    };
    unknown("wasi:filesystem/types@0.2.0");
    unknown("phala:contract/storage@0.2.0");
    unknown("phala:contract/root@0.1.0");
    let function = text(r#"(component (import "f" (func)))"#);
    assert_eq!(refused(&function), CodeError::UnknownImport("f".into()));
}

#[test]
fn exports_missing_or_of_wrong_types() {
    assert!(matches!(refused(&text("(component)")), CodeError::WrongWorld(_)));
    let wrong_import = text(
        r#"(component (import "phala:contract/log@0.1.0" (instance (export "write" (func (param "text" string))))))"#,
    );
    assert!(matches!(refused(&wrong_import), CodeError::WrongWorld(_)));
}

#[test]
fn structures_that_cannot_be_metered() {
    for nested in [
        "(component (component (core module)))",
        "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))
           (func $f (canon lift (core func $i \"f\"))) (core func (canon lower (func $f))))",
        "(component (core module (func $f) (start $f)))",
        "(component (type $r (resource (rep i32))) (core func (canon resource.drop $r)))",
    ] {
        assert!(matches!(refused(&text(nested)), CodeError::Unsupported(_)), "{nested}");
    }
}

#[test]
fn features_outside_of_the_revision() {
    for module in [
        "(module (memory 1 1 shared))",
        "(module (memory i64 1))",
        "(module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
        "(module (func $f (return_call $f)))",
        "(module (tag))",
        "(module (memory 1) (memory 1))",
        "(module (func (param externref)))",
    ] {
        let module = module.strip_prefix('(').unwrap();
        let component = text(&format!("(component (core {module})"));
        assert!(matches!(refused(&component), CodeError::Invalid { .. }), "{module}");
    }
}

#[test]
fn structure_over_its_limits() {
    let many = format!("(component (core module {}))", "(func)".repeat(50_001));
    assert!(matches!(refused(&text(&many)), CodeError::Structure { what: "functions", found: 50_001, .. }));
    let long = format!("(component (core module (func {})))", "nop ".repeat(256 * 1024));
    assert!(matches!(refused(&text(&long)), CodeError::Structure { what: "bytes of a function", .. }));
    let locals = format!("(component (core module (func (local {}))))", "i32 ".repeat(4097));
    assert!(matches!(refused(&text(&locals)), CodeError::Structure { what: "locals of a function", found: 4097, .. }));
    let modules = format!("(component {})", "(core module)".repeat(17));
    assert!(matches!(refused(&text(&modules)), CodeError::Structure { what: "core modules", found: 17, .. }));
    let memory = component_with(&run("unreachable"), 1025);
    assert!(matches!(refused(&memory), CodeError::Structure { what: "bytes of memory to start with", .. }));
    let nested = format!("{}{}", "(component ".repeat(6), ")".repeat(6));
    assert!(matches!(refused(&text(&nested)), CodeError::Structure { what: "nesting of components", .. }));
}
