//! JSON, with the tags of Python's values, to the types of Rust.
//!
//! serde's types say what they want, so a tagged value can be read in more than one way; what each
//! tag offers stands in `tags`. A type that takes what comes (`serde_json::Value`) gets what people
//! are shown of the value.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::choice::{Choice, Content};
use super::node::{Kind, Node};
use super::parts::{Entries, Items, Values};
use super::tags::{Meaning, Span};
use super::write::VERBATIM;
use super::wrong::{Wrong, shorten};
use crate::base64;

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n, 't>(&'n Node<'t>);

impl<'n, 't> Reader<'n, 't> {
    pub fn new(node: &'n Node<'t>) -> Self {
        Self(node)
    }
}

macro_rules! huge_integers {
    ($($method:ident $visit:ident $kind:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.0.meaning()? {
                Meaning::Number(text) => match text.parse::<$kind>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) if text.contains(['.', 'e', 'E']) => self.deserialize_any(visitor),
                    Err(_) => Err(Wrong::new(format!(
                        "is out of range for {}: {}",
                        stringify!($kind),
                        shorten(text)
                    ))),
                },
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

macro_rules! floats {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.0.meaning()? {
                Meaning::Decimal(text) => match text.parse::<f64>() {
                    Ok(value) => visitor.visit_f64(value),
                    Err(_) => self.deserialize_any(visitor),
                },
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

macro_rules! texts {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.0.meaning()? {
                Meaning::Exception { message, .. } => visitor.visit_str(message),
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

macro_rules! bytes {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.0.meaning()? {
                Meaning::Base64(text) => visitor.visit_byte_buf(unpacked(text)?),
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0.meaning()? {
            Meaning::Null => visitor.visit_unit(),
            Meaning::Bool(value) => visitor.visit_bool(value),
            Meaning::Number(text) => visit_number(text, visitor),
            Meaning::Float(value) => visitor.visit_f64(value),
            Meaning::Text(text) => visitor.visit_str(&text),
            Meaning::Items(items) => visitor.visit_seq(Items::new(items)),
            Meaning::Members(members) | Meaning::Fields { members, .. } => {
                visitor.visit_map(Entries::of_members(members))
            }
            Meaning::Pairs(pairs) if have_names(pairs) => {
                visitor.visit_map(Entries::of_pairs(pairs))
            }
            Meaning::Pairs(pairs) => visitor.visit_seq(Items::new(pairs)),
            Meaning::Base64(text)
            | Meaning::Huge(text)
            | Meaning::Decimal(text)
            | Meaning::Name(text) => visitor.visit_str(text),
            Meaning::Span(span) if span.microseconds == 0 => {
                visitor.visit_i64(span.whole_seconds())
            }
            Meaning::Span(span) => visitor.visit_f64(span.seconds()),
            Meaning::Exception { class, message } => {
                let shown = [("type", class.as_str()), ("message", message)];
                visitor.visit_map(MapDeserializer::new(shown.into_iter()))
            }
        }
    }

    huge_integers!(deserialize_i128 visit_i128 i128, deserialize_u128 visit_u128 u128);
    floats!(deserialize_f32, deserialize_f64);
    texts!(deserialize_str, deserialize_string);
    bytes!(deserialize_bytes, deserialize_byte_buf);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if VERBATIM.contains(&name) {
            let text = [(name, self.0.text)];
            return visitor.visit_map(MapDeserializer::new(text.into_iter()));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0.meaning()? {
            Meaning::Base64(text) => {
                visitor.visit_seq(SeqDeserializer::new(unpacked(text)?.into_iter()))
            }
            Meaning::Pairs(pairs) => visitor.visit_seq(Items::new(pairs)),
            Meaning::Fields {
                members,
                in_order: true,
                ..
            } => visitor.visit_seq(Values::new(members)),
            Meaning::Span(span) => visitor.visit_seq(SeqDeserializer::new(
                [span.days, span.seconds, span.microseconds].into_iter(),
            )),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0.meaning()? {
            Meaning::Pairs(pairs) => visitor.visit_map(Entries::of_pairs(pairs)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0.meaning()? {
            Meaning::Span(span) if name == "Duration" => visit_duration(span, visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0.meaning()? {
            Meaning::Text(text) => visitor.visit_enum(Choice {
                name: &text,
                content: Content::Nothing,
            }),
            Meaning::Name(text) => visitor.visit_enum(Choice {
                name: text,
                content: Content::Nothing,
            }),
            Meaning::Members([(text, node)]) => visitor.visit_enum(Choice {
                name: text,
                content: Content::Node(text, node),
            }),
            Meaning::Fields { class, members, .. } => visitor.visit_enum(Choice {
                name: class,
                content: Content::Members(members),
            }),
            _ => Err(Wrong::new(format!(
                "expected a variant of {name} ({}), got {}",
                variants.join(", "),
                shorten(self.0.text)
            ))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 char unit unit_struct identifier
    }
}

fn visit_number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Wrong> {
    if let Ok(value) = text.parse::<u64>() {
        return visitor.visit_u64(value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return visitor.visit_i64(value);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => visitor.visit_f64(value),
        _ => Err(Wrong::new(format!(
            "is a number out of range: {}",
            shorten(text)
        ))),
    }
}

fn visit_duration<'de, V: Visitor<'de>>(span: Span, visitor: V) -> Result<V::Value, Wrong> {
    let (Ok(seconds), Ok(microseconds)) = (
        u64::try_from(span.whole_seconds()),
        u64::try_from(span.microseconds),
    ) else {
        return Err(Wrong::new(
            "is a negative timedelta: read it as f64, or as (days, seconds, microseconds)",
        ));
    };
    visitor.visit_seq(SeqDeserializer::new(
        [seconds, microseconds * 1000].into_iter(),
    ))
}

fn unpacked(text: &str) -> Result<Vec<u8>, Wrong> {
    base64::decode(text).ok_or_else(|| Wrong::new("is not valid base64"))
}

/// Whether these pairs can be shown as an object: their keys have names, each another one.
fn have_names(pairs: &[Node<'_>]) -> bool {
    let mut names = BTreeSet::new();
    pairs.iter().all(|pair| {
        let key = pair.items().and_then(<[_]>::first);
        key.and_then(name)
            .is_some_and(|name| names.insert(name.into_owned()))
    })
}

/// What a key is called where keys are text.
pub(super) fn name<'n>(key: &'n Node<'_>) -> Option<Cow<'n, str>> {
    match key.meaning().ok()? {
        Meaning::Text(text) => Some(text),
        Meaning::Number(text) if !text.contains(['.', 'e', 'E']) => Some(text.into()),
        Meaning::Base64(text)
        | Meaning::Huge(text)
        | Meaning::Decimal(text)
        | Meaning::Name(text) => Some(text.into()),
        Meaning::Span(span) if span.microseconds == 0 => {
            Some(span.whole_seconds().to_string().into())
        }
        _ => None,
    }
}
