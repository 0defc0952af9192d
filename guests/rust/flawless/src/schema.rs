//! JSON Schemas of what workflows take and return, as the Python side writes them.

use std::marker::PhantomData;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The JSON Schema of a type, or none for those that have none.
#[doc(hidden)]
pub struct Schema<T>(pub PhantomData<T>);

impl<T: JsonSchema> Schema<T> {
    #[doc(hidden)]
    #[must_use]
    pub fn schema(&self) -> Value {
        made(SchemaGenerator::subschema_for::<T>)
    }
}

/// What is the same for all types; the rest is compiled for each of them.
#[inline(never)]
fn made(root: fn(&mut SchemaGenerator) -> schemars::Schema) -> Value {
    let mut generator = SchemaGenerator::from(SchemaSettings::draft2020_12());
    let root = root(&mut generator).to_value();
    placed(root, generator.take_definitions(true))
}

#[doc(hidden)]
pub trait NoSchema {
    fn schema(&self) -> Value;
}

impl<T> NoSchema for &Schema<T> {
    fn schema(&self) -> Value {
        json!({})
    }
}

/// The schema with its definitions, the outermost one in place unless it refers to itself.
fn placed(mut root: Value, mut definitions: Map<String, Value>) -> Value {
    let own = only_reference(&root)
        .and_then(|path| path.strip_prefix("#/$defs/"))
        .map(ToString::to_string);
    if let Some(name) = own
        && !definitions.values().any(|one| refers(one, &name))
        && let Some(mut found) = definitions.remove(&name)
    {
        if let Some(fields) = found.as_object_mut() {
            fields.entry("title").or_insert_with(|| json!(name));
        }
        root = found;
    }
    if let Some(fields) = root.as_object_mut()
        && !definitions.is_empty()
    {
        fields.insert("$defs".into(), Value::Object(definitions));
    }
    tidy(&mut root);
    root
}

fn only_reference(schema: &Value) -> Option<&str> {
    let fields = schema.as_object()?;
    (fields.len() == 1).then(|| fields.get("$ref")?.as_str())?
}

fn refers(schema: &Value, name: &str) -> bool {
    match schema {
        Value::Object(fields) => fields.iter().any(|(key, value)| match value.as_str() {
            Some(path) if key == "$ref" => path.strip_prefix("#/$defs/") == Some(name),
            _ => refers(value, name),
        }),
        Value::Array(items) => items.iter().any(|item| refers(item, name)),
        _ => false,
    }
}

/// Leaves out what only says how Rust holds a number: `"format": "uint32"`.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("format").is_some_and(|format| {
                let name = format.as_str().unwrap_or_default();
                name.starts_with("int") || name.starts_with("uint") || is_float(name)
            }) {
                fields.remove("format");
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn is_float(name: &str) -> bool {
    name == "float" || name == "double"
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A line.
    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Line {
        /// What it is called.
        item: String,
        cents: u32,
        note: Option<i64>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Tree {
        format: f64,
        children: Vec<Tree>,
    }

    struct Opaque;

    fn of<T: JsonSchema>() -> Value {
        Schema::<T>(PhantomData).schema()
    }

    #[test]
    fn leaves_are_as_python_has_them() {
        assert_eq!(of::<String>(), json!({"type": "string"}));
        assert_eq!(of::<i64>(), json!({"type": "integer"}));
        assert_eq!(of::<u32>(), json!({"type": "integer", "minimum": 0}));
        assert_eq!(of::<f64>(), json!({"type": "number"}));
        assert_eq!(of::<bool>(), json!({"type": "boolean"}));
        assert_eq!(of::<()>(), json!({"type": "null"}));
        assert_eq!(
            of::<Vec<String>>(),
            json!({"type": "array", "items": {"type": "string"}})
        );
        assert_eq!(
            of::<HashMap<String, i64>>(),
            json!({"type": "object", "additionalProperties": {"type": "integer"}})
        );
    }

    #[test]
    fn a_struct_stands_in_place() {
        assert_eq!(
            of::<Line>(),
            json!({
                "title": "Line",
                "description": "A line.",
                "type": "object",
                "properties": {
                    "item": {"type": "string", "description": "What it is called."},
                    "cents": {"type": "integer", "minimum": 0},
                    "note": {"type": ["integer", "null"]},
                },
                "required": ["item", "cents"],
            })
        );
    }

    #[test]
    fn definitions_are_found_within_the_schema() {
        let lines = of::<Vec<Line>>();
        assert_eq!(lines["items"], json!({"$ref": "#/$defs/Line"}));
        assert_eq!(lines["$defs"]["Line"]["type"], "object");
        let tree = of::<Tree>();
        assert_eq!(tree["$ref"], "#/$defs/Tree");
        let fields = &tree["$defs"]["Tree"]["properties"];
        assert_eq!(fields["children"]["items"], json!({"$ref": "#/$defs/Tree"}));
        assert_eq!(fields["format"], json!({"type": "number"}));
    }

    #[test]
    fn a_type_without_a_schema_is_anything() {
        assert_eq!((&Schema::<Opaque>(PhantomData)).schema(), json!({}));
    }
}
