//! From a project to a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use phala_toolchain::{TARGET, WasmToolchain, cache};
use serde_json::Value;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::ComponentEncoder;

use crate::schema::{SECTION, Schema};

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
    say("compiling for WebAssembly");
    let module = compile(&toolchain, &project, &package)?;
    say("asking the contract for its schema");
    let schema = native_schema(&project, &package)?;
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
        Ok(Self { name, library })
    }
}

/// Where compiled dependencies are shared by all projects of this user.
fn target_directory() -> Result<PathBuf> {
    Ok(cache()?.join("contracts"))
}

/// Paths of this machine must not get into code: its hash would be this machine's alone.
fn flags(project: &Path) -> Result<String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let maps = [(project.to_path_buf(), "/contract"), (cache()?, "/sdk"), (home, "/cargo")];
    let maps = maps.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    // 0x1f is how cargo separates flags that may contain spaces
    Ok(maps.collect::<Vec<_>>().join("\u{1f}"))
}

fn compile(toolchain: &WasmToolchain, project: &Path, package: &Package) -> Result<Vec<u8>> {
    let target = target_directory()?;
    let mut cargo = toolchain.cargo();
    cargo
        .args(["build", "--release", "--lib", "--target", TARGET])
        .current_dir(project)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(project)?)
        .env("CARGO_TARGET_DIR", &target);
    run(&mut cargo).context("the contract does not compile")?;
    let module = target.join(TARGET).join("release").join(format!("{}.wasm", package.library));
    fs::read(&module)
        .with_context(|| format!("{}: put `crate-type = [\"cdylib\", \"rlib\"]` under [lib]", module.display()))
}

/// The schema that the contract gives when it runs natively: only compiled code knows its types.
fn native_schema(project: &Path, package: &Package) -> Result<String> {
    let target = target_directory()?;
    let identity = sp_crypto_hashing::blake2_128(project.display().to_string().as_bytes());
    let folder = target.join("schemas").join(hex::encode(identity));
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"schema\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\ncontract = {{ package = {:?}, \
         path = {:?} }}\n\n[workspace]\n",
        package.name,
        project.display().to_string()
    );
    write_if_new(&folder.join("Cargo.toml"), &manifest)?;
    // the project's own lock, so that both builds see the same dependencies
    if let (Ok(lock), false) = (fs::read(project.join("Cargo.lock")), folder.join("Cargo.lock").exists()) {
        fs::write(folder.join("Cargo.lock"), lock)?;
    }
    write_if_new(&folder.join("src/main.rs"), "fn main() {\n    print!(\"{}\", contract::__phat_schema());\n}\n")?;
    let mut cargo = ordinary_cargo();
    cargo.args(["run", "--quiet"]).current_dir(&folder).env("CARGO_TARGET_DIR", target.join("native"));
    let output =
        run(&mut cargo).context("the contract does not compile natively, or has no #[phat::contract] at its root")?;
    String::from_utf8(output).context("the schema is no text")
}

fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// The user's cargo, free of what a calling cargo has put into the environment for its own children.
fn ordinary_cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let inherited = (text.starts_with("CARGO") && text != "CARGO_HOME" && !text.starts_with("CARGO_REGISTR"))
            || text.starts_with("RUSTC")
            || text == "RUSTFLAGS"
            || text == "RUSTUP_TOOLCHAIN";
        if inherited {
            command.env_remove(&name);
        }
    }
    command
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
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
