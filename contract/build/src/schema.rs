//! What a contract says of itself, in a custom section at the component's root.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmparser::{Parser, Payload};

use crate::fits;

/// The section.
pub const SECTION: &str = "phala:schema";
const VERSION: u32 = 1;

/// Why there is no schema, or why something does not fit it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The bytes are no component.
    #[error("not a WebAssembly component: {0}")]
    Component(String),
    /// The section cannot be read.
    #[error("the contract's schema cannot be read: {0}")]
    Unreadable(String),
    /// No such method in this mode.
    #[error("the contract has no {mode} '{method}'{hint}. It has:\n{list}")]
    Method {
        /// The mode.
        mode: &'static str,
        /// As asked for.
        method: String,
        /// What else has this name, in brackets, if something does.
        hint: String,
        /// What there is.
        list: String,
    },
    /// The arguments are not the method's.
    #[error("{method}: {why}. It takes:\n{takes}")]
    Arguments {
        /// The method.
        method: String,
        /// What is wrong.
        why: String,
        /// What it takes.
        takes: String,
    },
}

/// How a method is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Once.
    Init,
    /// As a message of the log.
    Command,
    /// As a question to one worker.
    Query,
    /// With new code.
    Migrate,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Command => "command",
            Self::Query => "query",
            Self::Migrate => "migrate",
        }
    }
}

/// A method.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// How it is run.
    pub mode: Mode,
    /// JSON Schema of its arguments.
    pub args: Value,
    /// JSON Schema of its output.
    pub output: Value,
}

/// A contract's schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schema {
    version: u32,
    /// How inputs and outputs are encoded: `json`.
    pub encoding: String,
    /// The module's name.
    pub contract: String,
    /// What it has.
    pub methods: Vec<Method>,
}

/// The schema of a component, if it has one.
pub fn schema_of(component: &[u8]) -> Result<Option<Schema>, SchemaError> {
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| SchemaError::Component(error.to_string()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                return Schema::parse(section.data()).map(Some);
            }
            _ => {}
        }
    }
    Ok(None)
}

impl Schema {
    /// From JSON.
    pub fn parse(json: &[u8]) -> Result<Self, SchemaError> {
        let schema: Self = serde_json::from_slice(json).map_err(|error| SchemaError::Unreadable(error.to_string()))?;
        if schema.version == VERSION {
            return Ok(schema);
        }
        Err(SchemaError::Unreadable(format!("version {} is not known", schema.version)))
    }

    /// Whether a method takes these arguments, as far as its schema says; the contract has the last word. A contract has one
    /// constructor and one migration, whatever their names are.
    pub fn check(&self, mode: Mode, method: &str, args: &Value) -> Result<&Method, SchemaError> {
        let unnamed = matches!(mode, Mode::Init | Mode::Migrate);
        let found = self.methods.iter().find(|known| known.mode == mode && (unnamed || known.name == method));
        let found = found.ok_or_else(|| SchemaError::Method {
            mode: mode.name(),
            method: method.to_owned(),
            hint: self.hint(method),
            list: self.list(mode),
        })?;
        match fault(&found.args, args) {
            None => Ok(found),
            Some(why) => Err(SchemaError::Arguments {
                method: found.name.clone(),
                why,
                takes: serde_json::to_string_pretty(&found.args).unwrap_or_default(),
            }),
        }
    }

    fn hint(&self, method: &str) -> String {
        let other = self.methods.iter().find(|known| known.name == method);
        other.map_or_else(String::new, |other| format!(" (its mode is {})", other.mode.name()))
    }

    /// The methods of a mode, a line each.
    pub fn list(&self, mode: Mode) -> String {
        let mut list = String::new();
        for method in self.methods.iter().filter(|method| method.mode == mode) {
            let names = method.args.get("properties").and_then(Value::as_object);
            let names: Vec<_> = names.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let _infallible = writeln!(list, "  {} {{{}}}", method.name, names.join(", "));
        }
        if list.is_empty() { "  none\n".to_owned() } else { list }
    }
}

/// What is wrong with arguments, if something is.
fn fault(schema: &Value, args: &Value) -> Option<String> {
    let Some(named) = args.as_object() else { return Some("expected a JSON object".into()) };
    let properties = schema.get("properties").and_then(Value::as_object);
    let known = |name: &str| properties.is_some_and(|properties| properties.contains_key(name));
    match named.keys().find(|name| !known(name.as_str())) {
        Some(unknown) => Some(format!("there is no argument '{unknown}'")),
        None => fits::fault(schema, args),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An oracle's schema, with a type that is referred to.
    fn schema() -> Schema {
        let text = json!({ "type": "string" });
        let set = json!({
            "type": "object",
            "properties": { "pair": text, "price": { "$ref": "#/$defs/Amount" }, "note": { "type": ["string", "null"] } },
            "required": ["pair", "price"],
            "additionalProperties": false,
            "$defs": { "Amount": {
                "type": "object",
                "properties": {
                    "units": { "type": "integer", "format": "uint64", "minimum": 0 },
                    "decimals": { "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 },
                },
                "required": ["units", "decimals"],
            } },
        });
        let price = json!({ "type": "object", "properties": { "pair": text }, "required": ["pair"] });
        let nothing = json!({ "type": "object", "additionalProperties": false });
        let document = json!({ "version": 1, "encoding": "json", "contract": "oracle", "methods": [
            { "name": "new", "mode": "init", "args": price, "output": null },
            { "name": "set", "mode": "command", "args": set, "output": null },
            { "name": "reset", "mode": "command", "args": nothing, "output": null },
            { "name": "price", "mode": "query", "args": price, "output": {} },
        ] });
        Schema::parse(document.to_string().as_bytes()).unwrap()
    }

    fn refused(mode: Mode, method: &str, args: Value) -> String {
        schema().check(mode, method, &args).unwrap_err().to_string()
    }

    fn set(args: Value) -> String {
        let said = refused(Mode::Command, "set", args);
        // whatever is wrong, what would be right follows
        assert!(said.contains("It takes:") && said.contains("\"decimals\""), "{said}");
        said
    }

    #[test]
    fn arguments_that_fit() {
        let price = json!({ "units": 6_700_012, "decimals": 2 });
        for args in [
            json!({ "pair": "A/B", "price": price }),
            json!({ "pair": "A/B", "price": price, "note": null }),
            json!({ "pair": "A/B", "price": price, "note": "why" }),
        ] {
            assert_eq!(schema().check(Mode::Command, "set", &args).unwrap().name, "set");
        }
        assert!(schema().check(Mode::Command, "reset", &json!({})).is_ok());
        // there is one constructor, whatever its name is
        assert_eq!(schema().check(Mode::Init, "init", &json!({ "pair": "A/B" })).unwrap().name, "new");
    }

    #[test]
    fn arguments_that_do_not_fit_are_named() {
        let price = json!({ "units": 1, "decimals": 0 });
        for (args, expected) in [
            (json!([]), "expected a JSON object"),
            (json!("A/B"), "expected a JSON object"),
            (json!({ "price": price }), "'pair' is missing"),
            (json!({ "pair": "A/B", "price": price, "by": 1 }), "there is no argument 'by'"),
            (json!({ "pair": 5, "price": price }), "'pair' is 5, expected string"),
            (json!({ "pair": "A/B", "price": price, "note": 5 }), "'note' is 5, expected string or null"),
            (json!({ "pair": "A/B", "price": 5 }), "'price' is 5, expected object"),
            (json!({ "pair": "A/B", "price": { "units": 1 } }), "'price.decimals' is missing"),
            (
                json!({ "pair": "A/B", "price": { "units": "1", "decimals": 0 } }),
                "'price.units' is \"1\", expected integer",
            ),
            (
                json!({ "pair": "A/B", "price": { "units": 1, "decimals": 256 } }),
                "'price.decimals' is 256, expected at most 255",
            ),
        ] {
            assert!(set(args.clone()).starts_with(&format!("set: {expected}. ")), "{args}: {}", set(args.clone()));
        }
        assert!(refused(Mode::Command, "reset", json!({ "to": 1 })).contains("there is no argument 'to'"));
    }

    #[test]
    fn a_method_that_is_not_there_is_answered_with_those_that_are() {
        let said = refused(Mode::Command, "sett", json!({}));
        assert!(said.starts_with("the contract has no command 'sett'. It has:\n  set {"), "{said}");
        assert!(said.contains("pair") && said.ends_with("\n  reset {}\n"), "{said}");
        let said = refused(Mode::Command, "price", json!({}));
        assert!(said.contains("no command 'price' (its mode is query)"), "{said}");
        assert!(refused(Mode::Migrate, "migrate", json!({})).ends_with("It has:\n  none\n"));
    }
}
