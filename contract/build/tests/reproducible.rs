//! A code hash is that of the source: not of the folder that it lies in, and not of what was built before.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use phala_contract_build::{Built, build, new_project};
use wasmparser::{ConstExpr, DataKind, Operator, Parser, Payload};

/// What a contract's own stack has, in bytes.
const STACK: i32 = 128 * 1024;

#[test]
fn a_project_is_the_same_code_in_every_folder() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (place.path().join("one"), place.path().join("some/way/down/my-oracle"));
    for folder in [&one, &other] {
        new_project(folder, "my-oracle").unwrap();
    }
    let lock = fs::read(one.join("Cargo.lock")).unwrap();
    let (first, second) = (built(&one).unwrap(), built(&other).unwrap());
    assert_eq!(hex::encode(first.code_hash), hex::encode(second.code_hash));
    for folder in [&one, &other] {
        assert_eq!(fs::read(folder.join("Cargo.lock")).unwrap(), lock, "cargo has changed what was locked");
    }

    let component = fs::read(&first.path).unwrap();
    let cache = phala_toolchain::cache().unwrap();
    for path in [place.path(), &cache] {
        let path = path.as_os_str().as_encoded_bytes();
        assert!(!component.windows(path.len()).any(|window| window == path), "a path of this machine is in the code");
    }
    the_stack_ends_where_memory_begins(&component);
    what_another_project_has_left_is_not_taken(&one);
    what_was_not_locked_is_not_built(&other);
}

fn built(project: &Path) -> anyhow::Result<Built> {
    build(project, &mut |_| {})
}

/// The pointer begins at the stack's size, and all data lie behind it: so it grows down to address 0, and then traps.
fn the_stack_ends_where_memory_begins(component: &[u8]) {
    let (mut pointers, mut data) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::GlobalSection(section) => {
                let globals = section.into_iter().map(Result::unwrap).filter(|global| global.ty.mutable);
                pointers.extend(globals.map(|global| constant(&global.init_expr)));
            }
            Payload::DataSection(section) => {
                for segment in section {
                    if let DataKind::Active { offset_expr, .. } = segment.unwrap().kind {
                        data.push(constant(&offset_expr));
                    }
                }
            }
            _ => {}
        }
    }
    assert_eq!(pointers, [STACK]);
    assert!(!data.is_empty() && data.iter().all(|offset| *offset >= STACK), "{data:?}");
}

fn constant(expression: &ConstExpr<'_>) -> i32 {
    match expression.get_operators_reader().read().unwrap() {
        Operator::I32Const { value } => value,
        other => panic!("{other:?} is no number"),
    }
}

/// The other project was built last. This one's macro has changed, but looks older than that build, as another checkout
/// may.
fn what_another_project_has_left_is_not_taken(project: &Path) {
    let source = project.join("phat/sdk/macro/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, format!("{text}\ncompile_error!(\"this macro has changed\");\n")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(&source).unwrap().set_modified(old).unwrap();
    let said = format!("{:#}", built(project).err().unwrap());
    assert!(said.contains("this macro has changed"), "{said}");
}

/// Here by the project's own version. A dependency that was never resolved would be the same to cargo.
fn what_was_not_locked_is_not_built(project: &Path) {
    let manifest = project.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("version = \"0.1.0\"", "version = \"0.2.0\"")).unwrap();
    let said = format!("{:#}", built(project).err().unwrap());
    assert!(said.contains("Cargo.toml does not fit Cargo.lock") && said.contains("`cargo test`"), "{said}");
}
