//! Whether a JSON value is what a JSON Schema describes, as far as the schemas of contracts go: types, fields, items, choices, ranges and
//! references. Whatever else a schema says is taken as kept: the contract has the last word.

use std::cell::Cell;

use serde_json::{Map, Value};

/// How deep schemas and values are followed; what lies deeper is taken as right.
const DEPTH: usize = 64;
/// How many comparisons are made: the schema is a stranger's, and choices of choices multiply.
const STEPS: usize = 100_000;
/// The longest value that an error shows, in characters.
const SHOWN: usize = 80;

/// What is wrong with `value`, in words for people; nothing if it fits. References are within `schema`.
pub(crate) fn fault(schema: &Value, value: &Value) -> Option<String> {
    Document { root: schema, steps: Cell::new(STEPS) }.fault(schema, value, "", DEPTH)
}

struct Document<'a> {
    /// What references lead into.
    root: &'a Value,
    /// Comparisons that are left.
    steps: Cell<usize>,
}

impl Document<'_> {
    /// `at` is the way to the value, such as `prices[2].units`.
    fn fault(&self, schema: &Value, value: &Value, at: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        self.steps.set(self.steps.get().checked_sub(1)?);
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => return Some(format!("{} is not expected", named(at))),
            _ => return None,
        };
        self.reference(schema, value, at, depth)
            .or_else(|| kind(schema, value, at))
            .or_else(|| listed(schema, value, at))
            .or_else(|| range(schema, value, at))
            .or_else(|| self.choices(schema, value, at, depth))
            .or_else(|| self.fields(schema, value, at, depth))
            .or_else(|| self.items(schema, value, at, depth))
    }

    fn reference(&self, schema: &Map<String, Value>, value: &Value, at: &str, depth: usize) -> Option<String> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.fault(self.root.pointer(pointer)?, value, at, depth)
    }

    fn choices(&self, schema: &Map<String, Value>, value: &Value, at: &str, depth: usize) -> Option<String> {
        if let Some(all) = schema.get("allOf").and_then(Value::as_array)
            && let Some(fault) = all.iter().find_map(|part| self.fault(part, value, at, depth))
        {
            return Some(fault);
        }
        for key in ["anyOf", "oneOf"] {
            let Some(choices) = schema.get(key).and_then(Value::as_array) else { continue };
            if choices.is_empty() || choices.iter().any(|choice| self.fault(choice, value, at, depth).is_none()) {
                continue;
            }
            // of an optional value what matters is why it is not the one that may be left out
            let mut real = choices.iter().filter(|choice| !is_null(choice));
            if let (Some(only), None) = (real.next(), real.next()) {
                return self.fault(only, value, at, depth);
            }
            let choices: Vec<String> = choices.iter().map(described).collect();
            return Some(format!("{} is {}, expected {}", named(at), short(value), choices.join(" or ")));
        }
        None
    }

    fn fields(&self, schema: &Map<String, Value>, value: &Value, at: &str, depth: usize) -> Option<String> {
        let fields = value.as_object()?;
        let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(missing) = required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name)) {
            return Some(format!("{} is missing", named(&inside(missing))));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        fields.iter().find_map(|(name, value)| {
            let expected = properties.and_then(|properties| properties.get(name));
            let expected = expected.or_else(|| schema.get("additionalProperties"))?;
            self.fault(expected, value, &inside(name), depth)
        })
    }

    fn items(&self, schema: &Map<String, Value>, value: &Value, at: &str, depth: usize) -> Option<String> {
        let items = value.as_array()?;
        let count = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        let (least, most) = (count("minItems").unwrap_or(0), count("maxItems").unwrap_or(usize::MAX));
        if items.len() < least || items.len() > most {
            let expected = if items.len() < least { format!("at least {least}") } else { format!("at most {most}") };
            return Some(format!("{} has {} items, expected {expected}", named(at), items.len()));
        }
        let first = schema.get("prefixItems").and_then(Value::as_array);
        items.iter().enumerate().find_map(|(index, item)| {
            let expected = first.and_then(|first| first.get(index)).or_else(|| schema.get("items"))?;
            self.fault(expected, item, &format!("{at}[{index}]"), depth)
        })
    }
}

fn kind(schema: &Map<String, Value>, value: &Value, at: &str) -> Option<String> {
    let names: Vec<&str> = match schema.get("type")? {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let is = |name: &&str| match *name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    };
    let fits = names.is_empty() || names.iter().any(is);
    (!fits).then(|| format!("{} is {}, expected {}", named(at), short(value), names.join(" or ")))
}

fn listed(schema: &Map<String, Value>, value: &Value, at: &str) -> Option<String> {
    let one = schema.get("const").map(std::slice::from_ref);
    let several = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    one.into_iter().chain(several).find(|list| !list.contains(value)).map(|list| {
        let list: Vec<String> = list.iter().map(Value::to_string).collect();
        format!("{} is {}, expected {}", named(at), short(value), list.join(" or "))
    })
}

/// Integers have the bounds that the schema gives, and those of the type that it names.
fn range(schema: &Map<String, Value>, value: &Value, at: &str) -> Option<String> {
    let number = integer(value)?;
    let (low, high): (i128, i128) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("int64") => (i64::MIN.into(), i64::MAX.into()),
        Some("uint64") => (0, u64::MAX.into()),
        _ => (i128::MIN, i128::MAX),
    };
    let bound = |key: &str| schema.get(key).and_then(integer);
    let (low, high) =
        (bound("minimum").map_or(low, |own| own.max(low)), bound("maximum").map_or(high, |own| own.min(high)));
    let expected = match (number < low, number > high) {
        (false, false) => return None,
        (true, _) => format!("at least {low}"),
        (_, true) => format!("at most {high}"),
    };
    Some(format!("{} is {number}, expected {expected}", named(at)))
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// A choice in a few words.
fn described(schema: &Value) -> String {
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return list.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    let fields: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !fields.is_empty() {
        return format!("{{{}}}", fields.join(", "));
    }
    match schema.get("type").or_else(|| schema.get("$ref")) {
        Some(Value::String(name)) => name.rsplit('/').next().unwrap_or(name).to_owned(),
        _ => "something else".to_owned(),
    }
}

fn named(at: &str) -> String {
    if at.is_empty() { "the value".to_owned() } else { format!("'{at}'") }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: &Value, value: &Value) -> String {
        fault(schema, value).unwrap_or_default()
    }

    #[test]
    fn an_optional_value_is_faulted_for_what_it_is_and_not_for_being_there() {
        let schema = json!({ "anyOf": [{ "type": "object", "required": ["units"] }, { "type": "null" }] });
        assert_eq!(said(&schema, &json!(null)), "");
        assert_eq!(said(&schema, &json!({ "units": 1 })), "");
        assert_eq!(said(&schema, &json!({})), "'units' is missing");
        assert_eq!(said(&schema, &json!(5)), "the value is 5, expected object");
    }

    #[test]
    fn enums_of_all_shapes() {
        let plain = json!({ "type": "string", "enum": ["Up", "Down"] });
        assert_eq!(said(&plain, &json!("Up")), "");
        assert_eq!(said(&plain, &json!("Left")), r#"the value is "Left", expected "Up" or "Down""#);
        let mixed = json!({ "oneOf": [
            { "type": "string", "const": "All" },
            { "type": "object", "properties": { "Some": { "type": "integer" } }, "required": ["Some"], "additionalProperties": false },
        ] });
        assert_eq!(said(&mixed, &json!("All")), "");
        assert_eq!(said(&mixed, &json!({ "Some": 3 })), "");
        for wrong in [json!("None"), json!({ "Some": "x" }), json!({ "Other": 1 }), json!({ "Some": 1, "more": 2 })] {
            assert!(said(&mixed, &wrong).ends_with(r#"expected "All" or {Some}"#), "{}", said(&mixed, &wrong));
        }
        let all = json!({ "allOf": [{ "type": "integer" }, { "minimum": 3 }] });
        assert_eq!(said(&all, &json!(2)), "the value is 2, expected at least 3");
    }

    #[test]
    fn integers_have_the_range_of_their_type() {
        let byte = json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 });
        assert_eq!(said(&byte, &json!(255)), "");
        assert_eq!(said(&byte, &json!(256)), "the value is 256, expected at most 255");
        assert_eq!(said(&byte, &json!(-1)), "the value is -1, expected at least 0");
        assert_eq!(said(&byte, &json!(1.5)), "the value is 1.5, expected integer");
        let word = json!({ "type": "integer", "format": "uint32", "minimum": 0 });
        assert_eq!(said(&word, &json!(u32::MAX)), "");
        assert!(said(&word, &json!(1u64 << 32)).contains("at most 4294967295"));
        let long = json!({ "type": "integer", "format": "uint64", "minimum": 0 });
        assert_eq!(said(&long, &json!(u64::MAX)), "");
        // what no integer of JSON holds is read as a number with a fraction
        let huge: Value = serde_json::from_str("18446744073709551616").unwrap();
        assert!(said(&long, &huge).contains("expected integer"));
    }

    #[test]
    fn arrays_tuples_and_maps() {
        let list = json!({ "type": "array", "items": { "type": "string" }, "maxItems": 2 });
        assert_eq!(said(&list, &json!(["a", "b"])), "");
        assert_eq!(said(&list, &json!(["a", 1])), "'[1]' is 1, expected string");
        assert_eq!(said(&list, &json!(["a", "b", "c"])), "the value has 3 items, expected at most 2");
        let pair = json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "minItems": 2, "maxItems": 2 });
        assert_eq!(said(&pair, &json!(["a", 1])), "");
        assert_eq!(said(&pair, &json!([1, "a"])), "'[0]' is 1, expected string");
        assert_eq!(said(&pair, &json!(["a"])), "the value has 1 items, expected at least 2");
        let map = json!({ "type": "object", "additionalProperties": { "type": "boolean" } });
        assert_eq!(said(&map, &json!({ "x": true })), "");
        assert_eq!(said(&map, &json!({ "x": 0 })), "'x' is 0, expected boolean");
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        let list = json!({
            "$ref": "#/$defs/Node",
            "$defs": { "Node": {
                "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } },
                "required": ["next"],
            } },
        });
        assert_eq!(said(&list, &json!({ "next": { "next": null } })), "");
        assert_eq!(said(&list, &json!({ "next": { "next": 1 } })), "'next.next' is 1, expected object");
        assert_eq!(said(&json!({ "$ref": "#" }), &json!(1)), "");
        assert_eq!(said(&json!({ "$ref": "#/nowhere" }), &json!(1)), "");
        let doubling = json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        assert_eq!(said(&doubling, &json!(1)), "");
    }
}
