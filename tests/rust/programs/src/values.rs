//! Workflows that give back what they are given, read and written as many types; and workflows
//! that are declared in many ways.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use flawless::serde::{self, Serialize};
use flawless::serde_json::{Value, value::RawValue};
use flawless::{Result, workflow};

/// A member of an enum in Python.
#[flawless::value]
#[serde(rename_all = "UPPERCASE")]
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Colour {
    /// Red.
    Red,
    /// Green.
    Green,
}

/// A dataclass in Python.
#[flawless::value]
pub struct Line {
    /// What it is called.
    pub item: String,
    /// What it costs.
    pub cents: u32,
    /// Its colour.
    #[serde(default)]
    pub colour: Option<Colour>,
}

/// One of several dataclasses in Python.
#[flawless::value]
pub enum Shape {
    /// Has nothing.
    Dot,
    /// Has a field.
    Circle {
        /// How wide it is.
        radius: f64,
    },
    /// Has one value.
    Square(f64),
}

/// A page of anything.
#[flawless::value]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Which one comes next.
    pub next: Option<Box<Page<T>>>,
}

/// Bytes, as serde knows them.
#[derive(Clone, Debug)]
pub struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("bytes")
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        from.deserialize_byte_buf(Visitor)
    }
}

macro_rules! echoes {
    ($($name:ident: $kind:ty),* $(,)?) => {$(
        /// Gives back what it is given, which it reads and writes as a value of its type.
        #[workflow]
        pub fn $name(value: $kind) -> $kind {
            value
        }
    )*};
}

echoes! {
    raw: Box<RawValue>,
    anything: Value,
    null: (),
    boolean: bool,
    integer: i64,
    big_integer: i128,
    big_natural: u128,
    float: f64,
    text: String,
    bytes: Bytes,
    octets: Vec<u8>,
    numbers: Vec<i64>,
    names: BTreeSet<String>,
    pair: (i64, String),
    colour: Colour,
    line: Line,
    shape: Shape,
    page: Page<Line>,
    duration: Duration,
    by_id: HashMap<u32, Vec<f64>>,
    by_name: BTreeMap<String, Option<bool>>,
    by_pair: BTreeMap<(i64, String), Colour>,
    maybe: Option<i64>,
}

/// What is said when an order is confirmed.
#[flawless::value]
pub struct Confirm {
    /// Who says so.
    pub by: String,
}

/// Waits for a message that it declares.
///
/// # Errors
///
/// When it is cancelled.
#[workflow(name = "confirmed", deadline = "1h30m", messages(confirm = Confirm, "is off" = Option<u8>))]
pub fn waits() -> Result<String> {
    Ok(flawless::receive::<Confirm>("confirm")?.by)
}

/// Takes nothing and returns nothing.
#[workflow]
fn nothing() {}

/// Its name is a word of Rust, and so is that of its parameter.
#[workflow]
pub(crate) fn r#match(r#type: String) -> String {
    r#type
}

/// Workflows in a module inside a file.
pub mod inner {
    use flawless::workflow;

    /// Returns what its children return.
    ///
    /// # Errors
    ///
    /// If one of them fails.
    #[workflow]
    pub(super) fn parent(mut count: u32) -> flawless::Result<Vec<super::Line>> {
        count += 1;
        let line = super::Line {
            item: super::r#match::start("tea".into())?.join()?,
            cents: count,
            colour: None,
        };
        super::nothing::start()?.join()?;
        Ok(vec![super::line::start(line)?.join()?])
    }
}

/// Fails with an error that serde does not know.
///
/// # Errors
///
/// Always.
#[workflow]
pub fn foreign(text: String) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

/// Returns what is nested too deeply to travel.
#[workflow]
pub fn nested(levels: u32) -> Value {
    (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}
