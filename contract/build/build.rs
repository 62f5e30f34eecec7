//! Lists the files that a new project needs, so that the program carries them: SDK, macro, interface and template.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let contract = here.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut files = Vec::new();
    for folder in ["sdk", "wit"] {
        collect(&contract.join(folder), &mut files);
    }
    files.sort();
    let mut code = String::from("pub const SDK: &[(&str, &str)] = &[\n");
    for file in files {
        let name = file.strip_prefix(&contract).unwrap_or(&file).display().to_string();
        let _infallible = writeln!(code, "    ({name:?}, include_str!({:?})),", file.display().to_string());
    }
    code.push_str("];\n");
    let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("embedded.rs");
    fs::write(output, code).expect("write into OUT_DIR");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "tests") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|end| ["rs", "toml", "wit"].iter().any(|known| end == *known)) {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
}
