//! Values as the codec writes them: JSON, with `{"$": tag, ...}` for what JSON does not have.
//!
//! Rust's values are written as plain JSON wherever JSON can carry them; [`write`] knows the
//! exceptions. What Python has tagged is read as what it is closest to; [`tags`] has the list.
//! `docs/reference/protocol.md` describes the format.

mod choice;
mod node;
mod number;
mod parts;
mod read;
mod tags;
#[cfg(test)]
mod tests;
mod write;
mod wrong;

use std::panic::Location;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use number::shown as number;
use read::Reader;
use write::Writer;
pub(crate) use wrong::Wrong;

use crate::error::{Error, Kind};

/// The codec's JSON of a value. `what` names the value in an error.
pub(crate) fn encode<T: Serialize + ?Sized>(
    value: &T,
    what: &str,
    at: &'static Location<'static>,
) -> Result<String, Error> {
    to_string(value).map_err(|wrong| invalid(&wrong, what, at))
}

/// A value read from the codec's JSON. `what` names the value in an error.
///
/// Who asks for `()` does not care, and gets it, whatever the value is: an undo whose step happens
/// to return something has not failed.
pub(crate) fn decode<T: DeserializeOwned>(
    text: &str,
    what: &str,
    at: &'static Location<'static>,
) -> Result<T, Error> {
    let cares = std::any::type_name::<T>() != std::any::type_name::<()>();
    from_str(if cares { text } else { "null" }).map_err(|wrong| invalid(&wrong, what, at))
}

/// The error for a value that does not fit.
pub(crate) fn invalid(wrong: &Wrong, what: &str, at: &'static Location<'static>) -> Error {
    Error::own(Kind::InputInvalid, "InputInvalid", wrong.about(what), at)
}

/// Writes a value as the codec does.
pub(crate) fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Wrong> {
    let mut out = String::new();
    value.serialize(&mut Writer::new(&mut out))?;
    Ok(out)
}

/// Reads what the codec has written.
///
/// Plain JSON goes to `serde_json`, which is fast. What has tags is read by [`Reader`], and so is
/// what `serde_json` has refused, because the reader knows the path to what is wrong.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    if !may_be_tagged(text)
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    let root = node::parse(text)?;
    T::deserialize(Reader::new(&root))
}

fn may_be_tagged(text: &str) -> bool {
    text.contains(r#""$""#) || text.contains(r"\u0024")
}
