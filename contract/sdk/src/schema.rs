//! A contract's schema: what tools show, and what they check arguments against. Made natively, since only compiled code knows types.

use alloc::string::String;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value};

/// The version of the document.
const VERSION: u32 = 1;

/// A method.
#[derive(Serialize)]
pub struct Method {
    name: &'static str,
    mode: &'static str,
    args: Value,
    output: Value,
}

/// Describes a method.
pub fn method<A: JsonSchema, O: JsonSchema>(name: &'static str, mode: &'static str) -> Method {
    Method { name, mode, args: of::<A>(), output: of::<O>() }
}

fn of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    Value::from(SchemaGenerator::new(settings).into_root_schema_for::<T>())
}

/// The whole document, as JSON.
pub fn document(contract: &str, methods: &[Method]) -> String {
    let mut document = Map::new();
    document.insert("version".into(), VERSION.into());
    document.insert("encoding".into(), "json".into());
    document.insert("contract".into(), contract.into());
    document.insert("methods".into(), serde_json::to_value(methods).unwrap_or_default());
    Value::Object(document).to_string()
}
