//! The architecture, as rules over what crates depend on and what their sources say. `ARCHITECTURE.md` gives the reasons.

mod licences;
mod spdx;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// The layer of each folder of the workspace. A crate depends on its own layer or on one below, never on one above.
const LAYERS: &[(&str, u8)] = &[
    ("core/primitives", 0),
    ("core/crypto", 0),
    ("core/", 1),
    ("contract/engine", 1),
    ("contract/", 2),
    ("extrinsics", 2),
    ("chain/pallets/", 2),
    ("chain/runtime", 3),
    ("worker/core", 3),
    ("chain/node", 4),
    ("worker/", 4),
    ("client", 5),
    ("bench", 5),
    ("tests/", 5),
];

/// Folders that serve building, outside the layers.
const TOOLS: &[&str] = &["xtask"];

/// A forbidden edge, direct or through others: from a crate in a folder to a crate in another folder, or to a named one.
struct Forbidden {
    from: &'static str,
    to: Target,
    why: &'static str,
}

enum Target {
    Folder(&'static str),
    Names(&'static [&'static str]),
}

/// What opens sockets, runs threads of its own, reads the clock, or draws randomness from the system.
const INPUT_OUTPUT: &[&str] =
    &["tokio", "async-std", "smol", "mio", "socket2", "hyper", "reqwest", "chrono", "time", "rand", "getrandom"];
/// What opens sockets or schedules tasks.
const SOCKETS: &[&str] = &["tokio", "async-std", "smol", "mio", "socket2", "hyper", "reqwest"];

const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        from: "worker/",
        to: Target::Folder("chain/"),
        why: "a runtime upgrade must not touch the trusted code base",
    },
    Forbidden {
        from: "worker/daemon",
        to: Target::Folder("worker/soft-tee"),
        why: "the worker links no signer of evidence",
    },
    Forbidden {
        from: "worker/core",
        to: Target::Names(INPUT_OUTPUT),
        why: "time and the host's answers are arguments",
    },
    Forbidden {
        from: "extrinsics",
        to: Target::Folder("core/crypto"),
        why: "what holds the operator's account holds none of the worker's secrets",
    },
    Forbidden { from: "contract/engine", to: Target::Names(SOCKETS), why: "the engine knows no network" },
];

/// Folders whose crates stay behind the lint wall of the workspace. All but `worker/core` are `no_std`.
const WALLED: &[&str] = &["core/", "worker/core", "chain/pallets/"];

/// Crates and what is known of them.
#[derive(Default)]
struct Graph {
    /// Folder of each crate of the workspace.
    folders: BTreeMap<String, String>,
    /// Normal and build dependencies by name; of foreign crates too.
    edges: BTreeMap<String, BTreeSet<String>>,
}

/// Checks the workspace.
pub fn run() -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--format-version=1", "--locked"]).current_dir(workspace::root());
    let metadata: Value = serde_json::from_str(&workspace::output(cargo)?).context("the output of cargo metadata")?;
    let graph = Graph::from_metadata(&metadata)?;
    let mut faults = graph.faults();
    faults.extend(source_faults(&workspace::root(), &graph)?);
    let deny = workspace::root().join("deny.toml");
    let deny = fs::read_to_string(&deny).with_context(|| format!("read {}", deny.display()))?;
    faults.extend(licences::faults(&deny, &metadata)?);
    if faults.is_empty() {
        let packages = list(&metadata, "packages").len();
        println!("{} crates follow the rules; the licences of {packages} packages are allowed", graph.folders.len());
        return Ok(());
    }
    bail!("rules are broken:\n  {}", faults.join("\n  "));
}

/// A list in the metadata.
fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A text in the metadata.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The ids of our own packages, with the folder of each in the repository.
fn own(metadata: &Value) -> BTreeMap<&str, &str> {
    let root = text(metadata, "workspace_root");
    let members: BTreeSet<&str> = list(metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    let folder = |package| {
        let manifest = text(package, "manifest_path");
        let folder = manifest.strip_prefix(root).unwrap_or(manifest).trim_start_matches('/');
        folder.strip_suffix("Cargo.toml").unwrap_or(folder).trim_end_matches('/')
    };
    let packages = list(metadata, "packages").iter().map(|package| (text(package, "id"), package));
    packages.filter(|(id, _)| members.contains(id)).map(|(id, package)| (id, folder(package))).collect()
}

impl Graph {
    fn from_metadata(metadata: &Value) -> Result<Self> {
        let own = own(metadata);
        let mut graph = Self::default();
        let mut names = BTreeMap::new();
        for package in list(metadata, "packages") {
            let (id, name) = (text(package, "id"), text(package, "name"));
            if let Some(folder) = own.get(id) {
                graph.folders.insert(name.to_owned(), (*folder).to_owned());
            }
            names.insert(id, name);
        }
        for node in metadata.pointer("/resolve/nodes").and_then(Value::as_array).context("a resolved graph")? {
            let from = names.get(text(node, "id")).copied().unwrap_or_default();
            for dependency in list(node, "deps") {
                // development dependencies are free: tests may use what the product may not. So is what is only there where there
                // is no system, and so nothing to reach
                let shipped = list(dependency, "dep_kinds").iter().any(|kind| {
                    let text = |key| kind.get(key).and_then(Value::as_str);
                    text("kind") != Some("dev") && text("target") != Some("cfg(target_os = \"none\")")
                });
                if let (true, Some(to)) = (shipped, names.get(text(dependency, "pkg"))) {
                    graph.edges.entry(from.to_owned()).or_default().insert((*to).to_owned());
                }
            }
        }
        Ok(graph)
    }

    /// Every broken rule, with the path that breaks it.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, folder) in &self.folders {
            if TOOLS.iter().any(|tool| folder.starts_with(tool)) {
                continue;
            }
            let Some(layer) = layer(folder) else {
                faults
                    .push(format!("{name}: the folder {folder} has no layer; give it one in xtask/src/check_deps.rs"));
                continue;
            };
            for to in self.edges.get(name).into_iter().flatten() {
                let Some(to_folder) = self.folders.get(to) else { continue };
                if layer_of(to_folder) > Some(layer) {
                    faults.push(format!("{name} → {to}: dependencies point down, and {to_folder} lies above {folder}"));
                }
                if folder.starts_with("chain/pallets/") && to_folder.starts_with("chain/pallets/") {
                    faults.push(format!("{name} → {to}: pallets meet through traits that the runtime wires"));
                }
            }
            for rule in FORBIDDEN.iter().filter(|rule| folder.starts_with(rule.from)) {
                if let Some(path) = self.path(name, |to| self.is_target(to, &rule.to)) {
                    faults.push(format!("{}: {}", path.join(" → "), rule.why));
                }
            }
            if folder.starts_with("core/") {
                // direct ones: what the SDK's primitives pull in for their own `std` builds is not ours to choose
                for to in self.edges.get(name).into_iter().flatten().filter(|to| INPUT_OUTPUT.contains(&to.as_str())) {
                    faults.push(format!("{name} → {to}: time and the host's answers are arguments"));
                }
            }
        }
        faults
    }

    fn is_target(&self, name: &str, target: &Target) -> bool {
        match target {
            Target::Folder(prefix) => self.folders.get(name).is_some_and(|folder| folder.starts_with(prefix)),
            Target::Names(names) => names.contains(&name),
        }
    }

    /// The shortest path from a crate to one that `wanted` accepts, through crates of the workspace. What foreign crates pull
    /// in for themselves is not followed: the SDK's primitives name an async runtime that they do not use in ours.
    fn path(&self, from: &str, wanted: impl Fn(&str) -> bool) -> Option<Vec<String>> {
        let mut paths = std::collections::VecDeque::from([vec![from.to_owned()]]);
        let mut seen = BTreeSet::from([from.to_owned()]);
        while let Some(path) = paths.pop_front() {
            for to in self.edges.get(path.last()?).into_iter().flatten() {
                let mut longer = path.clone();
                longer.push(to.clone());
                if wanted(to) {
                    return Some(longer);
                }
                if self.folders.contains_key(to) && seen.insert(to.clone()) {
                    paths.push_back(longer);
                }
            }
        }
        None
    }
}

fn layer(folder: &str) -> Option<u8> {
    LAYERS.iter().find(|(prefix, _)| folder.starts_with(prefix)).map(|(_, layer)| *layer)
}

fn layer_of(folder: &str) -> Option<u8> {
    // a tool below everything: contracts are built with the toolchain that xtask finds
    if TOOLS.iter().any(|tool| folder.starts_with(tool)) { Some(0) } else { layer(folder) }
}

/// What the sources and manifests of walled crates must and must not say.
fn source_faults(root: &Path, graph: &Graph) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (name, place) in &graph.folders {
        if !WALLED.iter().any(|wall| place.starts_with(wall)) {
            continue;
        }
        let folder = root.join(place);
        let manifest =
            fs::read_to_string(folder.join("Cargo.toml")).with_context(|| format!("the manifest of {name}"))?;
        if !manifest.contains("[lints]\nworkspace = true") {
            faults.push(format!("{name}: a crate behind the wall inherits the lints of the workspace"));
        }
        let library =
            fs::read_to_string(folder.join("src/lib.rs")).with_context(|| format!("the library of {name}"))?;
        if !place.starts_with("worker/") && !library.contains("no_std") {
            faults.push(format!("{name}: it is linked into the runtime or a browser, and so is no_std"));
        }
        if place.starts_with("chain/pallets/") {
            for (path, text) in sources(&folder.join("src"))? {
                if path.ends_with("src/weights.rs") && !text.contains("Generated by `cargo xtask weights`") {
                    faults.push(format!("{path}: weights come from benchmarks: run `cargo xtask weights`"));
                }
                faults.extend(pallet_faults(&text).into_iter().map(|fault| format!("{path}: {fault}")));
            }
        }
    }
    Ok(faults)
}

/// What no source of a pallet may contain.
fn pallet_faults(text: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if text.contains("without_storage_info") {
        faults.push("storage is bounded: no without_storage_info");
    }
    let literal = text.match_indices("#[pallet::weight(").any(|(at, found)| {
        let rest = text.get(at + found.len()..).unwrap_or_default().trim_start_matches(['{', '(', ' ']);
        rest.starts_with(|c: char| c.is_ascii_digit()) || rest.starts_with("Weight::")
    });
    if literal {
        faults.push("weights come from benchmarks: no literal");
    }
    faults
}

/// All Rust sources under a folder.
fn sources(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            found.push((path.display().to_string(), text));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of these crates (name, folder) with these edges (from, to, kind).
    fn graph(crates: &[(&str, &str)], edges: &[(&str, &str, Option<&str>)]) -> Graph {
        let foreign: BTreeSet<&str> =
            edges.iter().map(|(_, to, _)| *to).filter(|to| !crates.iter().any(|(name, _)| name == to)).collect();
        let packages: Vec<Value> = crates
            .iter()
            .map(|(name, folder)| json!({ "id": name, "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml") }))
            .chain(foreign.iter().map(|name| json!({ "id": name, "name": name, "manifest_path": "/r/Cargo.toml" })))
            .collect();
        let nodes: Vec<Value> = packages
            .iter()
            .map(|package| {
                let id = package["id"].as_str().unwrap();
                let deps: Vec<Value> = edges
                    .iter()
                    .filter(|(from, ..)| *from == id)
                    .map(|(_, to, kind)| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] }))
                    .collect();
                json!({ "id": id, "deps": deps })
            })
            .collect();
        let members: Vec<&str> = crates.iter().map(|(name, _)| *name).collect();
        Graph::from_metadata(&json!({
            "workspace_root": "/w", "workspace_members": members, "packages": packages, "resolve": { "nodes": nodes },
        }))
        .unwrap()
    }

    const CRATES: &[(&str, &str)] = &[
        ("prim", "core/primitives"),
        ("light", "core/light-client"),
        ("engine", "contract/engine"),
        ("pallet-a", "chain/pallets/a"),
        ("pallet-b", "chain/pallets/b"),
        ("runtime", "chain/runtime"),
        ("wcore", "worker/core"),
        ("daemon", "worker/daemon"),
        ("soft-tee", "worker/soft-tee"),
        ("e2e", "tests/e2e"),
        ("xtask", "xtask"),
    ];

    #[test]
    fn an_allowed_workspace_has_no_fault() {
        let allowed = [
            ("light", "prim", None),
            ("pallet-a", "prim", None),
            ("runtime", "pallet-a", None),
            ("runtime", "pallet-b", None),
            ("wcore", "light", None),
            ("daemon", "wcore", None),
            ("daemon", "tokio", None),
            // tests may use what the product may not
            ("light", "soft-tee", Some("dev")),
            ("wcore", "tokio", Some("dev")),
        ];
        assert_eq!(graph(CRATES, &allowed).faults(), Vec::<String>::new());
    }

    #[test]
    fn each_forbidden_edge_is_found_and_named() {
        for (edges, expected) in [
            (vec![("prim", "light", None)], "prim → light: dependencies point down"),
            (vec![("pallet-a", "runtime", None)], "pallet-a → runtime: dependencies point down"),
            (vec![("pallet-a", "pallet-b", None)], "pallet-a → pallet-b: pallets meet through traits"),
            (vec![("daemon", "pallet-a", None)], "daemon → pallet-a: a runtime upgrade"),
            (vec![("daemon", "e2e", None), ("e2e", "runtime", None)], "daemon → e2e → runtime: a runtime upgrade"),
            (vec![("daemon", "soft-tee", None)], "daemon → soft-tee: the worker links no signer"),
            (vec![("daemon", "soft-tee", Some("build"))], "daemon → soft-tee: the worker links no signer"),
            (
                vec![("wcore", "light", None), ("light", "tokio", None)],
                "wcore → light → tokio: time and the host's answers",
            ),
            (vec![("engine", "socket2", None)], "engine → socket2: the engine knows no network"),
            (vec![("light", "chrono", None)], "light → chrono: time and the host's answers"),
        ] {
            let faults = graph(CRATES, &edges).faults();
            assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{expected}: {faults:?}");
        }
    }

    #[test]
    fn a_folder_without_a_layer_is_a_fault() {
        let faults = graph(&[("new", "somewhere/new")], &[]).faults();
        assert!(faults.iter().any(|fault| fault.contains("has no layer")), "{faults:?}");
    }

    #[test]
    fn literal_weights_and_unbounded_storage_are_found() {
        assert_eq!(pallet_faults("#[pallet::weight(T::WeightInfo::register())]"), Vec::<&str>::new());
        for bad in [
            "#[pallet::weight(10_000)]",
            "#[pallet::weight({0})]",
            "#[pallet::weight((Weight::from_parts(1, 0), DispatchClass::Normal))]",
            "#[pallet::without_storage_info]",
        ] {
            assert_eq!(pallet_faults(bad).len(), 1, "{bad}");
        }
    }
}
