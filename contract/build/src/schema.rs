//! What a contract says of itself, in a custom section at the component's root.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmparser::{Parser, Payload};

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
    #[error("the contract has no {mode} '{method}'. It has:\n{list}")]
    Method {
        /// The mode.
        mode: &'static str,
        /// As asked for.
        method: String,
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

    /// Whether a method takes these arguments, as far as names and plain types go; the contract has the last word.
    pub fn check(&self, mode: Mode, method: &str, args: &Value) -> Result<&Method, SchemaError> {
        let found =
            self.methods.iter().find(|known| known.mode == mode && (mode == Mode::Init || known.name == method));
        let found = found.ok_or_else(|| SchemaError::Method {
            mode: mode.name(),
            method: method.to_owned(),
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

    /// The methods of a mode, a line each.
    pub fn list(&self, mode: Mode) -> String {
        let mut list = String::new();
        for method in self.methods.iter().filter(|method| method.mode == mode) {
            let names = method.args.get("properties").and_then(Value::as_object);
            let names: Vec<_> = names.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let _infallible = writeln!(list, "  {} {{{}}}", method.name, names.join(", "));
        }
        list
    }
}

/// What is wrong with arguments, if something is.
fn fault(schema: &Value, args: &Value) -> Option<String> {
    let Some(args) = args.as_object() else { return Some("expected a JSON object".into()) };
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !args.contains_key(name) {
            return Some(format!("'{name}' is missing"));
        }
    }
    for (name, value) in args {
        let Some(expected) = properties.and_then(|properties| properties.get(name)) else {
            return Some(format!("there is no argument '{name}'"));
        };
        if !fits(expected, value) {
            return Some(format!("'{name}' is {value}, expected {}", expected.get("type").unwrap_or(expected)));
        }
    }
    None
}

fn fits(schema: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    };
    match schema.get("type") {
        Some(Value::String(name)) => one(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(one),
        _ => true,
    }
}
