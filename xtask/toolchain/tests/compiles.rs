//! The toolchain that is found, or set up, compiles and links for its target.

use std::fs;

use phala_toolchain::{RustcWrapper, TARGET, WasmToolchain};

/// The first bytes of a WebAssembly module of version 1.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Uses `core`, `alloc` and link-time optimisation, as runtimes and contracts do.
const SOURCE: &str = r#"#![no_std]
extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

struct NoMemory;
// SAFETY: an allocator may always fail.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 { core::ptr::null_mut() }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { core::arch::wasm32::unreachable() }

#[unsafe(no_mangle)]
pub extern "C" fn length(count: u32) -> usize { alloc::vec![0u8; count as usize].len() }
"#;

#[test]
fn a_no_std_module_links_with_lto() {
    let directory = tempfile::tempdir().unwrap();
    let toolchain = WasmToolchain::set_up(&mut |line| println!("{line}")).unwrap();
    let wrapper = RustcWrapper::set_up(directory.path()).unwrap();

    let project = directory.path().join("project");
    fs::create_dir_all(project.join("src")).unwrap();
    fs::write(project.join("src/lib.rs"), SOURCE).unwrap();
    fs::write(
        project.join("Cargo.toml"),
        "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [profile.release]\nlto = true\n\n[workspace]\n",
    )
    .unwrap();
    let output = toolchain
        .cargo()
        .args(["build", "--release", "--offline", "--target", TARGET])
        .current_dir(&project)
        .envs(wrapper.environment())
        .env("CARGO_TARGET_DIR", project.join("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let module = fs::read(project.join("target").join(TARGET).join("release/probe.wasm")).unwrap();
    assert!(module.starts_with(MODULE));

    // what was set up is found again, and is the same
    let again = WasmToolchain::set_up(&mut |line| panic!("set up twice: {line}")).unwrap();
    assert_eq!(again, toolchain);
}
