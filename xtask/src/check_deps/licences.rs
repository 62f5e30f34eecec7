//! Licences: that of every package against the list in `deny.toml`, and who links what only the node may.
//!
//! `cargo deny` reads the same list and more of it, but does not come with a toolchain.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{list, own, spdx::Expression, text};

/// The licence of what is ours.
const OURS: &str = "Apache-2.0";

/// The licence of polkadot-sdk's client libraries. What others link is free of its conditions.
const OF_THE_NODE: &str = "GPL-3.0-or-later WITH Classpath-exception-2.0";

/// Folders whose crates link these: the node, and what measures it.
const LINKS_THE_NODE: &[&str] = &["chain/node", "bench"];

/// Every fault of the packages in what `cargo metadata` says, by what `deny.toml` says.
pub fn faults(deny: &str, metadata: &Value) -> Result<Vec<String>> {
    let policy = Policy::parse(deny).context("deny.toml")?;
    let own = own(metadata);
    let mut faults = Vec::new();
    let mut of_the_node = BTreeSet::new();
    for package in list(metadata, "packages").iter().map(Package) {
        if own.contains_key(package.id()) {
            if package.licence() != OURS {
                faults.push(format!("{package}: our own packages have license = \"{OURS}\""));
            }
            continue;
        }
        let licence = policy.licence(&package);
        match Expression::parse(licence) {
            Err(error) => faults.push(format!("{package}: {error}, and deny.toml does not clarify it")),
            Ok(expression) => {
                let allowed = policy.allowed(&package);
                if !expression.is_met(&|licence| allowed.contains(licence)) {
                    faults.push(format!("{package}: deny.toml does not allow {licence}"));
                } else if !expression.is_met(&|licence| licence != OF_THE_NODE && allowed.contains(licence)) {
                    of_the_node.insert(package.id());
                }
            }
        }
    }
    let linked = Linked::from_metadata(metadata)?;
    for (id, folder) in &own {
        if LINKS_THE_NODE.iter().any(|may| folder.starts_with(may)) {
            continue;
        }
        if let Some(path) = linked.path(id, &of_the_node) {
            faults.push(format!("{}: only the node links what is under {OF_THE_NODE}", path.join(" → ")));
        }
    }
    Ok(faults)
}

/// A package of the metadata.
struct Package<'a>(&'a Value);

impl<'a> Package<'a> {
    fn id(&self) -> &'a str {
        text(self.0, "id")
    }

    fn name(&self) -> &'a str {
        text(self.0, "name")
    }

    fn version(&self) -> &'a str {
        text(self.0, "version")
    }

    /// As its manifest has it; empty if it has none.
    fn licence(&self) -> &'a str {
        text(self.0, "license")
    }
}

impl std::fmt::Display for Package<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name(), self.version())
    }
}

/// What `deny.toml` says of licences.
struct Policy {
    allow: BTreeSet<String>,
    /// What else single crates may have.
    exceptions: Vec<(Spec, BTreeSet<String>)>,
    /// The licences of crates whose manifests do not say them.
    clarified: Vec<(Spec, String)>,
}

/// Which crate is meant: `name`, or `name@version` with the whole version.
struct Spec(String);

impl Spec {
    fn of(entry: &toml::Value) -> Result<Self> {
        let spec = entry.get("crate").and_then(toml::Value::as_str);
        Ok(Self(spec.context("an entry of `licenses` without `crate`")?.to_owned()))
    }

    fn covers(&self, package: &Package<'_>) -> bool {
        match self.0.split_once('@') {
            Some((name, version)) => package.name() == name && package.version() == version,
            None => package.name() == self.0,
        }
    }
}

impl Policy {
    fn parse(deny: &str) -> Result<Self> {
        let table: toml::Table = deny.parse()?;
        let licenses = table.get("licenses").context("no section `licenses`")?;
        let entries = |key: &str| licenses.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        let exceptions =
            entries("exceptions").map(|entry| -> Result<_> { Ok((Spec::of(entry)?, names(entry.get("allow"))?)) });
        let clarified = entries("clarify").map(|entry| -> Result<_> {
            let expression = entry.get("expression").and_then(toml::Value::as_str).context("no `expression`")?;
            Expression::parse(expression)?;
            Ok((Spec::of(entry)?, expression.to_owned()))
        });
        Ok(Self {
            allow: names(licenses.get("allow"))?,
            exceptions: exceptions.collect::<Result<_>>()?,
            clarified: clarified.collect::<Result<_>>()?,
        })
    }

    /// What a package is under.
    fn licence<'a>(&'a self, package: &Package<'a>) -> &'a str {
        let clarified = self.clarified.iter().find(|(spec, _)| spec.covers(package));
        clarified.map_or_else(|| package.licence(), |(_, licence)| licence)
    }

    /// What a package may be under.
    fn allowed(&self, package: &Package<'_>) -> BTreeSet<&str> {
        let own = self.exceptions.iter().filter(|(spec, _)| spec.covers(package)).flat_map(|(_, allow)| allow);
        self.allow.iter().chain(own).map(String::as_str).collect()
    }
}

/// A list of licences.
fn names(value: Option<&toml::Value>) -> Result<BTreeSet<String>> {
    let names = value.and_then(toml::Value::as_array).context("no list `allow`")?;
    names.iter().map(|name| Ok(name.as_str().context("`allow` is a list of texts")?.to_owned())).collect()
}

/// What packages link: dependencies for building and for tests are in no program that is handed on.
struct Linked<'a> {
    names: BTreeMap<&'a str, &'a str>,
    edges: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Linked<'a> {
    fn from_metadata(metadata: &'a Value) -> Result<Self> {
        let packages: BTreeMap<&str, &Value> =
            list(metadata, "packages").iter().map(|package| (text(package, "id"), package)).collect();
        let mut edges: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for node in metadata.pointer("/resolve/nodes").and_then(Value::as_array).context("a resolved graph")? {
            let from = packages.get(text(node, "id")).context("a node that is no package")?;
            let enabled = enabled(from, node);
            for dependency in list(node, "deps").iter().filter(|dependency| is_normal(list(dependency, "dep_kinds"))) {
                let id = text(dependency, "pkg");
                let to = packages.get(id).context("a dependency that is no package")?;
                if is_used(from, text(to, "name"), &enabled) {
                    edges.entry(text(node, "id")).or_default().insert(id);
                }
            }
        }
        Ok(Self { names: packages.iter().map(|(id, package)| (*id, text(package, "name"))).collect(), edges })
    }

    /// The names on the shortest way from a package to one of these.
    fn path(&self, from: &'a str, wanted: &BTreeSet<&str>) -> Option<Vec<&'a str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(id) = next.pop_front() {
            if wanted.contains(id) {
                let mut way: Vec<&str> = std::iter::successors(Some(id), |id| before.get(id).copied()).collect();
                way.reverse();
                return Some(way.into_iter().filter_map(|id| self.names.get(id).copied()).collect());
            }
            for to in self.edges.get(id).into_iter().flatten() {
                if *to != from && !before.contains_key(to) {
                    before.insert(*to, id);
                    next.push_back(*to);
                }
            }
        }
        None
    }
}

fn is_normal(kinds: &[Value]) -> bool {
    kinds.iter().any(|kind| kind.get("kind").is_none_or(Value::is_null))
}

/// The optional dependencies that enabled features turn on.
///
/// The metadata list a dependency also where a feature only passes something on to it, should it be there
/// (`subxt-lightclient?/native`), and nothing turns it on. No program links it.
fn enabled<'a>(package: &'a Value, node: &'a Value) -> BTreeSet<&'a str> {
    let features = package.get("features");
    let values = list(node, "features").iter().filter_map(Value::as_str).flat_map(|feature| {
        let values = features.and_then(|features| features.get(feature)).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str)
    });
    let dependency = |value: &'a str| {
        value.strip_prefix("dep:").or_else(|| {
            let (dependency, _) = value.split_once('/')?;
            (!dependency.ends_with('?')).then_some(dependency)
        })
    };
    values.filter_map(dependency).collect()
}

/// Whether a package has a normal dependency of this name that it always has or that is enabled.
fn is_used(package: &Value, name: &str, enabled: &BTreeSet<&str>) -> bool {
    list(package, "dependencies").iter().any(|declared| {
        let renamed = declared.get("rename").and_then(Value::as_str).unwrap_or(name);
        let optional = declared.get("optional").and_then(Value::as_bool).unwrap_or_default();
        text(declared, "name") == name
            && declared.get("kind").is_none_or(Value::is_null)
            && (!optional || enabled.contains(renamed))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["Apache-2.0", "MIT", "GPL-3.0-or-later WITH Classpath-exception-2.0"]
        exceptions = [{ allow = ["CDLA-Permissive-2.0"], crate = "roots" }]

        [[licenses.clarify]]
        crate = "unlabelled@1.0.0"
        expression = "MIT AND Apache-2.0"
    "#;

    /// The metadata of these packages: ours have a folder.
    fn metadata(packages: &[(&str, Option<&str>, &str)], dependencies: &[(&str, Value)]) -> Value {
        let of = |name: &&str| -> Vec<&Value> {
            dependencies.iter().filter(|(from, _)| from == name).map(|(_, to)| to).collect()
        };
        let described = packages.iter().map(|(name, folder, licence)| {
            let manifest =
                folder.map_or_else(|| "/r/Cargo.toml".to_owned(), |folder| format!("/w/{folder}/Cargo.toml"));
            json!({
                "id": name, "name": name, "version": "1.0.0", "manifest_path": manifest, "dependencies": of(name),
                "license": if licence.is_empty() { Value::Null } else { (*licence).into() },
                "features": { "light": ["dep:client"], "native": ["client?/native"], "strong": ["client/native"] },
            })
        });
        let nodes = packages.iter().map(|(name, ..)| {
            let features: Vec<&Value> = of(name).into_iter().filter_map(|to| to.get("enabled")).collect();
            let deps: Vec<Value> = of(name)
                .into_iter()
                .map(|to| json!({ "pkg": to["name"], "dep_kinds": [{ "kind": to["kind"] }] }))
                .collect();
            json!({ "id": name, "features": features, "deps": deps })
        });
        let members: Vec<&str> =
            packages.iter().filter(|(_, folder, _)| folder.is_some()).map(|(name, ..)| *name).collect();
        json!({
            "workspace_root": "/w", "workspace_members": members, "packages": described.collect::<Vec<_>>(),
            "resolve": { "nodes": nodes.collect::<Vec<_>>() },
        })
    }

    fn of_packages(packages: &[(&str, Option<&str>, &str)]) -> Vec<String> {
        faults(DENY, &metadata(packages, &[])).unwrap()
    }

    #[test]
    fn the_repositorys_own_list_is_read() {
        let policy = Policy::parse(include_str!("../../../deny.toml")).unwrap();
        assert!(policy.allow.contains(OURS) && policy.allow.contains(OF_THE_NODE));
        assert!(!policy.exceptions.is_empty() && !policy.clarified.is_empty());
    }

    #[test]
    fn allowed_licences_are_no_fault() {
        assert_eq!(
            of_packages(&[
                ("ours", Some("core/ours"), "Apache-2.0"),
                ("a", None, "MIT OR AGPL-3.0"),
                ("b", None, "MIT AND Apache-2.0"),
                ("roots", None, "CDLA-Permissive-2.0"),
                ("unlabelled", None, ""),
            ]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_forbidden_licence_is_found_and_named() {
        for (package, expected) in [
            (("a", None, "AGPL-3.0"), "a 1.0.0: deny.toml does not allow AGPL-3.0"),
            (("a", None, "MIT AND OpenSSL"), "a 1.0.0: deny.toml does not allow MIT AND OpenSSL"),
            // the exception is another crate's
            (("a", None, "CDLA-Permissive-2.0"), "a 1.0.0: deny.toml does not allow CDLA-Permissive-2.0"),
            // without its exception it is another licence
            (("a", None, "GPL-3.0-or-later"), "a 1.0.0: deny.toml does not allow GPL-3.0-or-later"),
            (("a", None, ""), "a 1.0.0: '' is no licence expression, and deny.toml does not clarify it"),
            (("a", None, "see LICENSE"), "a 1.0.0: 'see LICENSE' is no licence expression"),
            (("ours", Some("core/ours"), "MIT"), "ours 1.0.0: our own packages have license = \"Apache-2.0\""),
            (("ours", Some("core/ours"), ""), "ours 1.0.0: our own packages"),
        ] {
            let faults = of_packages(&[("fine", None, "MIT"), package]);
            assert!(faults.len() == 1 && faults[0].starts_with(expected), "{expected}: {faults:?}");
        }
    }

    #[test]
    fn a_list_that_says_nothing_is_an_error() {
        for deny in ["", "[licenses]", "[licenses]\nallow = \"MIT\"", "[licenses]\nallow = [\"MIT\"]\nclarify = [{}]"] {
            assert!(faults(deny, &metadata(&[], &[])).is_err(), "{deny}");
        }
    }

    /// What links `client`, which is under the node's licence, by these dependencies.
    fn linking(dependencies: &[(&str, Value)]) -> Vec<String> {
        let packages = [
            ("node", Some("chain/node"), "Apache-2.0"),
            ("worker", Some("worker/daemon"), "Apache-2.0"),
            ("subxt", None, "Apache-2.0 OR GPL-3.0"),
            ("client", None, OF_THE_NODE),
        ];
        faults(DENY, &metadata(&packages, dependencies)).unwrap()
    }

    #[test]
    fn only_the_node_links_what_is_under_its_licence() {
        let on = |name: &str| json!({ "name": name, "kind": null });
        assert_eq!(linking(&[("node", on("subxt")), ("subxt", on("client"))]), Vec::<String>::new());
        let found = linking(&[("node", on("client")), ("worker", on("subxt")), ("subxt", on("client"))]);
        assert!(found.len() == 1 && found[0].starts_with("worker → subxt → client: only the node links"), "{found:?}");
        // neither is in the program
        for kind in ["build", "dev"] {
            let dependency = json!({ "name": "client", "kind": kind });
            assert_eq!(linking(&[("worker", dependency)]), Vec::<String>::new(), "{kind}");
        }
    }

    #[test]
    fn an_optional_dependency_is_linked_where_a_feature_turns_it_on() {
        for (feature, linked) in [("other", false), ("native", false), ("light", true), ("strong", true)] {
            let dependency = json!({ "name": "client", "kind": null, "optional": true, "enabled": feature });
            let found = linking(&[("worker", json!({ "name": "subxt", "kind": null })), ("subxt", dependency)]);
            assert_eq!(!found.is_empty(), linked, "{feature}: {found:?}");
        }
        // it is declared under another name
        let dependency =
            json!({ "name": "client", "rename": "other", "kind": null, "optional": true, "enabled": "light" });
        assert_eq!(linking(&[("worker", dependency)]), Vec::<String>::new());
    }
}
