//! From a project to a component.
//!
//! The same source is the same component, wherever it lies: no path of the machine gets into code, nothing of the
//! environment decides what is compiled, and Cargo.lock says which versions are.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use phala_toolchain::{TARGET, WasmToolchain, cache};
use serde_json::Value;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::ComponentEncoder;

use crate::{
    schema::{SECTION, Schema},
    target::Target,
};

/// What a build has made.
pub struct Built {
    /// BLAKE2b-256 of the component.
    pub code_hash: [u8; 32],
    /// Where the component is.
    pub path: PathBuf,
    /// Its length, in bytes.
    pub bytes: usize,
    /// What it says of itself.
    pub schema: Schema,
}

/// Builds the project in a folder. `say` is told of everything that takes time.
pub fn build(project: &Path, say: &mut dyn FnMut(&str)) -> Result<Built> {
    let project = project.canonicalize().with_context(|| format!("there is no folder {}", project.display()))?;
    let package = Package::find(&project)?;
    let toolchain = WasmToolchain::set_up(say)?;
    let target = Target::take(say)?;
    say("compiling for WebAssembly");
    let module = compile(&toolchain, &project, &package, &target)?;
    say("asking the contract for its schema");
    let schema = native_schema(&project, &package, &target)?;
    let component = component(&module, &schema)?;
    let code_hash = sp_crypto_hashing::blake2_256(&component);
    let path = project.join("target").join(format!("{}.wasm", package.library));
    fs::create_dir_all(project.join("target"))?;
    fs::write(&path, &component).with_context(|| format!("write {}", path.display()))?;
    Ok(Built { code_hash, path, bytes: component.len(), schema: Schema::parse(schema.as_bytes())? })
}

struct Package {
    name: String,
    /// The name of its library, which is the name of its module.
    library: String,
}

impl Package {
    fn find(project: &Path) -> Result<Self> {
        let manifest = project.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("{} is no project: it has no Cargo.toml", project.display()))?;
        let table: toml::Table = text.parse().with_context(|| manifest.display().to_string())?;
        let text_at =
            |table: &toml::Table, section: &str, key: &str| table.get(section)?.get(key)?.as_str().map(str::to_owned);
        let name = text_at(&table, "package", "name").with_context(|| format!("{}: no package", manifest.display()))?;
        let library = text_at(&table, "lib", "name").unwrap_or_else(|| name.replace('-', "_"));
        let sdk = table.get("dependencies").and_then(|all| all.get("phat")?.get("path")?.as_str());
        if let Some(sdk) = sdk.map(|sdk| project.join(sdk)).filter(|sdk| !sdk.join("Cargo.toml").is_file()) {
            bail!(
                "{} names an SDK that is not there: {}. Copy the folder `phat` out of a project that `phala contract \
                 new` makes, and let the dependency be `phat = {{ package = \"phat-sdk\", path = \"phat/sdk\" }}`",
                manifest.display(),
                sdk.display()
            );
        }
        Ok(Self { name, library })
    }
}

/// Stack of a contract in its own memory, in bytes: for what the compiler does not keep in locals of WebAssembly. The
/// stack that the engine counts is another one, outside of that memory.
///
/// For this target rustc itself asks the linker for 1 MiB; of two such flags the last one counts. That was 16 of the 17
/// pages that the example `counter` began with, of memory that is mapped and cleared for each call. Of the SDK,
/// JSON takes most: about 55 KiB for 128 levels, the deepest that is read.
///
/// rustc also asks for `--stack-first`: the stack lies at the beginning of the memory and grows down, data follow it.
/// So what overflows it runs below address 0, which is the end of the address space, where no contract has memory, and
/// traps. Were data below it, they would be overwritten.
const STACK_BYTES: u32 = 128 * 1024;

/// Paths of this machine must not get into code: its hash would be this machine's alone. Since these flags name some,
/// cargo leaves all flags out of what it derives symbols and file names from.
fn flags(project: &Path) -> Result<String> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let mut maps = [(project.to_path_buf(), "/contract"), (cache()?, "/cache"), (home, "/cargo")];
    // of several that fit the compiler takes the last: let it be the longest
    maps.sort_by_key(|(from, _)| from.as_os_str().len());
    let maps = maps.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    // 0x1f is how cargo separates flags that may contain spaces
    let flags = maps.chain([format!("-Clink-arg=-zstack-size={STACK_BYTES}")]);
    Ok(flags.collect::<Vec<_>>().join("\u{1f}"))
}

fn compile(toolchain: &WasmToolchain, project: &Path, package: &Package, target: &Target) -> Result<Vec<u8>> {
    let cargo = |arguments: &[&str]| {
        let mut cargo = undisturbed(toolchain.cargo());
        cargo.args(arguments).current_dir(project).env("CARGO_TARGET_DIR", target.folder());
        // exactly what was locked, as in projects that `phala contract new` makes; where nothing was, cargo does it now
        if project.join("Cargo.lock").is_file() {
            cargo.arg("--locked");
        }
        cargo
    };
    target.hand_to(project, || {
        let cleaned = run(&mut cargo(&["clean", "--release", "--workspace"]));
        cleaned.map(|_| ()).context("cargo refuses the project")
    })?;
    let mut build = cargo(&["build", "--release", "--lib", "--target", TARGET]);
    run(build.env("CARGO_ENCODED_RUSTFLAGS", flags(project)?)).context("the contract does not compile")?;
    let module = target.folder().join(TARGET).join("release").join(format!("{}.wasm", package.library));
    fs::read(&module)
        .with_context(|| format!("{}: put `crate-type = [\"cdylib\", \"rlib\"]` under [lib]", module.display()))
}

/// The schema that the contract gives when it runs natively: only compiled code knows its types.
fn native_schema(project: &Path, package: &Package, target: &Target) -> Result<String> {
    let identity = sp_crypto_hashing::blake2_128(project.display().to_string().as_bytes());
    let folder = target.folder().join("schemas").join(hex::encode(identity));
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"schema\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\ncontract = {{ package = {:?}, \
         path = {:?} }}\n\n[workspace]\n",
        package.name,
        project.display().to_string()
    );
    write_if_new(&folder.join("Cargo.toml"), &manifest)?;
    // the project's own lock, so that both builds see the same dependencies; cargo adds this package to it
    if let Ok(lock) = fs::read_to_string(project.join("Cargo.lock"))
        && write_if_new(&folder.join("project.lock"), &lock)?
    {
        fs::write(folder.join("Cargo.lock"), lock)?;
    }
    write_if_new(&folder.join("src/main.rs"), "fn main() {\n    print!(\"{}\", contract::__phat_schema());\n}\n")?;
    let mut cargo = undisturbed(Command::new("cargo"));
    cargo.args(["run", "--quiet"]).current_dir(&folder).env("CARGO_TARGET_DIR", target.folder().join("native"));
    let output =
        run(&mut cargo).context("the contract does not compile natively, or has no #[phat::contract] at its root")?;
    String::from_utf8(output).context("the schema is no text")
}

/// Says whether it was.
fn write_if_new(path: &Path, text: &str) -> Result<bool> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(false);
    }
    fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(true)
}

/// How cargo finds registries: the only things that the environment tells it.
const REGISTRIES: &[&str] = &["CARGO_HOME", "CARGO_REGISTR", "CARGO_NET_", "CARGO_HTTP_"];

/// A cargo that does what the project says, whatever a calling cargo has put into the environment for its own children,
/// or a user to have other programs built in another way.
fn undisturbed(mut cargo: Command) -> Command {
    let set: Vec<OsString> =
        cargo.get_envs().filter(|(_, value)| value.is_some()).map(|(name, _)| name.to_owned()).collect();
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let begins = |with: &[&str]| with.iter().any(|prefix| text.starts_with(prefix));
        let disturbs = begins(&["CARGO", "RUSTC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"]) && !begins(REGISTRIES);
        if disturbs && !set.contains(&name) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim_end();
    if said.contains("--locked was passed") {
        bail!(
            "Cargo.toml does not fit Cargo.lock, and a contract is built of what Cargo.lock names. Run `cargo test`, \
             which brings it up to date, and build again.\n{said}"
        );
    }
    bail!("{said}");
}

fn component(module: &[u8], schema: &str) -> Result<Vec<u8>> {
    let encoder = ComponentEncoder::default().validate(true);
    let mut encoder = encoder.module(module).context("the module was not made by this SDK")?;
    let mut component = encoder.encode().context("the module does not fit the world of contracts")?;
    serde_json::from_str::<Value>(schema).context("the schema is no JSON")?;
    ensure!(!component.is_empty(), "an empty component");
    CustomSection { name: SECTION.into(), data: schema.as_bytes().into() }.append_to_component(&mut component);
    Ok(component)
}
