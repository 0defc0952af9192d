//! Values as the codec writes them: JSON, with `{"$": tag, ...}` for what JSON does not have.

use std::panic::Location;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Kind};

/// The codec's JSON of a value.
pub(crate) fn encode<T: Serialize + ?Sized>(
    value: &T,
    what: &str,
    at: &'static Location<'static>,
) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| {
        Error::own(
            Kind::InputInvalid,
            "InputInvalid",
            format!("{what}: {error}"),
            at,
        )
    })
}

/// A value read from the codec's JSON.
pub(crate) fn decode<T: DeserializeOwned>(
    text: &str,
    what: &str,
    at: &'static Location<'static>,
) -> Result<T, Error> {
    read(text).map_err(|error| {
        Error::own(
            Kind::InputInvalid,
            "InputInvalid",
            format!("{what}: {error}"),
            at,
        )
    })
}

fn read<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    if text.contains(r#""$""#) {
        return serde_json::from_value(plain(serde_json::from_str(text)?));
    }
    serde_json::from_str(text)
}

/// The plain JSON that stands for a tagged value.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Object(mut fields) => {
            if fields.contains_key("$") {
                return ["v", "f", "n", "m"]
                    .into_iter()
                    .find_map(|name| fields.remove(name))
                    .map_or(Value::Null, plain);
            }
            Value::Object(
                fields
                    .into_iter()
                    .map(|(name, item)| (name, plain(item)))
                    .collect(),
            )
        }
        other => other,
    }
}
