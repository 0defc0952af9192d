//! What the tags of Python's values mean to Rust.
//!
//! | Python | read as |
//! |---|---|
//! | `tuple`, `set`, `frozenset`, `deque` | a sequence |
//! | `dict`, `OrderedDict`, `Counter`, `defaultdict` | a map, or a sequence of pairs |
//! | `bytes`, `bytearray` | bytes, a sequence of `u8`, or base64 text |
//! | an integer of more than 1023 bits | hexadecimal text |
//! | a float that is not finite | `f64` |
//! | `complex` | a sequence of two |
//! | `datetime`, `date`, `time`, `timezone` | ISO text, with `[Europe/Berlin]` if there is a zone |
//! | `timedelta` | `Duration`, a number of seconds, or `(days, seconds, microseconds)` |
//! | `Decimal` | text, or `f64` |
//! | `UUID` | text |
//! | a member of an enum | a unit variant, or text: its name |
//! | a dataclass, a class of attrs | a struct, a map, or the variant of that name |
//! | a named tuple | a struct, a map, a sequence |
//! | an exception | a map of `type` and `message`, or text: the message |

use std::borrow::Cow;

use super::node::{Kind, Member, Node};
use super::wrong::{Wrong, shorten};

const TAGS: [&str; 25] = [
    "tuple",
    "set",
    "frozenset",
    "deque",
    "complex",
    "dict",
    "ordereddict",
    "counter",
    "defaultdict",
    "bytes",
    "bytearray",
    "int",
    "float",
    "decimal",
    "date",
    "uuid",
    "datetime",
    "time",
    "timezone",
    "timedelta",
    "enum",
    "dataclass",
    "attrs",
    "namedtuple",
    "exception",
];

/// A JSON value with its tag understood.
pub(super) enum Meaning<'n, 't> {
    Null,
    Bool(bool),
    Number(&'t str),
    Float(f64),
    Text(Cow<'n, str>),
    Items(&'n [Node<'t>]),
    Members(&'n [Member<'t>]),
    /// Arrays of key and value.
    Pairs(&'n [Node<'t>]),
    Base64(&'n str),
    /// An integer of more than 1023 bits, in hexadecimal.
    Huge(&'n str),
    Decimal(&'n str),
    Span(Span),
    /// The name of a member of an enum.
    Name(&'n str),
    Fields {
        class: &'n str,
        members: &'n [Member<'t>],
        in_order: bool,
    },
    Exception {
        class: String,
        message: &'n str,
    },
}

/// A `timedelta`: only the days can be negative.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub days: i64,
    pub seconds: i64,
    pub microseconds: i64,
}

impl Span {
    pub fn whole_seconds(self) -> i64 {
        self.days
            .saturating_mul(86_400)
            .saturating_add(self.seconds)
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "a timedelta has at most 2**47 seconds"
    )]
    pub fn seconds(self) -> f64 {
        self.whole_seconds() as f64 + self.microseconds as f64 / 1e6
    }
}

impl<'t> Node<'t> {
    pub(super) fn meaning(&self) -> Result<Meaning<'_, 't>, Wrong> {
        Ok(match &self.kind {
            Kind::Null => Meaning::Null,
            Kind::Bool(value) => Meaning::Bool(*value),
            Kind::Number => Meaning::Number(self.text),
            Kind::Text(text) => Meaning::Text(Cow::Borrowed(text)),
            Kind::Array(items) => Meaning::Items(items),
            Kind::Object(members) => match field(members, "$") {
                Some(tag) => tagged(tag, members)?,
                None => Meaning::Members(members),
            },
        })
    }

    pub(super) fn items(&self) -> Option<&[Node<'t>]> {
        match &self.kind {
            Kind::Array(items) => Some(items),
            _ => None,
        }
    }

    fn str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    fn integer(&self) -> Option<i64> {
        self.text.parse().ok()
    }
}

fn field<'n, 't>(members: &'n [Member<'t>], name: &str) -> Option<&'n Node<'t>> {
    members
        .iter()
        .find_map(|(one, node)| (one == name).then_some(node))
}

fn tagged<'n, 't>(tag: &'n Node<'t>, members: &'n [Member<'t>]) -> Result<Meaning<'n, 't>, Wrong> {
    let name = tag.str().unwrap_or_default();
    if !TAGS.contains(&name) {
        return Err(Wrong::new(format!(
            r#"has the unknown tag "$": {}; an object with a "$" key of its own is written {{"$": "dict", "v": [[key, value], ...]}}"#,
            shorten(tag.text)
        )));
    }
    meaning(name, members).ok_or_else(|| Wrong::new(format!("is not a valid {name}")))
}

/// The meaning of a tag: none if what it needs is missing.
fn meaning<'n, 't>(tag: &str, members: &'n [Member<'t>]) -> Option<Meaning<'n, 't>> {
    let content = field(members, "v");
    let text = || content.and_then(Node::str);
    let items = || content.and_then(Node::items);
    match tag {
        "dict" | "ordereddict" | "counter" | "defaultdict" => items().and_then(pairs),
        "bytes" | "bytearray" => text().map(Meaning::Base64),
        "int" => text().map(Meaning::Huge),
        "float" => text().and_then(float),
        "decimal" => text().map(Meaning::Decimal),
        "date" | "uuid" => text().map(|text| Meaning::Text(text.into())),
        "datetime" | "time" => text().map(|text| moment(text, members)),
        "timezone" => zone(members),
        "timedelta" => items().and_then(span).map(Meaning::Span),
        "enum" => match field(members, "n") {
            Some(name) => name.str().map(Meaning::Name),
            None => content.map(|value| Meaning::Number(value.text)),
        },
        "dataclass" | "attrs" | "namedtuple" => fields(tag, members),
        "exception" => exception(members),
        _ => items().map(Meaning::Items),
    }
}

fn pairs<'n, 't>(items: &'n [Node<'t>]) -> Option<Meaning<'n, 't>> {
    let fine = |pair: &Node| pair.items().is_some_and(|two| two.len() == 2);
    items.iter().all(fine).then_some(Meaning::Pairs(items))
}

fn float<'n, 't>(text: &str) -> Option<Meaning<'n, 't>> {
    Some(Meaning::Float(match text {
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        "nan" => f64::NAN,
        _ => return None,
    }))
}

fn moment<'n, 't>(text: &'n str, members: &'n [Member<'t>]) -> Meaning<'n, 't> {
    Meaning::Text(match field(members, "zone").and_then(Node::str) {
        Some(zone) => format!("{text}[{zone}]").into(),
        None => text.into(),
    })
}

fn zone<'n, 't>(members: &'n [Member<'t>]) -> Option<Meaning<'n, 't>> {
    if let Some(zone) = field(members, "zone") {
        return zone.str().map(|name| Meaning::Text(name.into()));
    }
    let offset = span(field(members, "offset")?.items()?)?;
    let sign = if offset.days < 0 { '-' } else { '+' };
    let minutes = offset.whole_seconds().abs() / 60;
    let shown = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    Some(Meaning::Text(shown.into()))
}

fn span(items: &[Node<'_>]) -> Option<Span> {
    let [days, seconds, microseconds] = items else {
        return None;
    };
    Some(Span {
        days: days.integer()?,
        seconds: seconds.integer()?,
        microseconds: microseconds.integer()?,
    })
}

fn fields<'n, 't>(tag: &str, members: &'n [Member<'t>]) -> Option<Meaning<'n, 't>> {
    let Kind::Object(found) = &field(members, "f")?.kind else {
        return None;
    };
    let (_, path) = field(members, "c")?.str()?.split_once(':')?;
    Some(Meaning::Fields {
        class: path.rsplit('.').next().unwrap_or(path),
        members: found,
        in_order: tag == "namedtuple",
    })
}

fn exception<'n, 't>(members: &'n [Member<'t>]) -> Option<Meaning<'n, 't>> {
    let class = field(members, "c")?.str()?.replace(':', ".");
    Some(Meaning::Exception {
        class: class
            .strip_prefix("builtins.")
            .map_or(class.clone(), ToString::to_string),
        message: field(members, "m")?.str()?,
    })
}
