//! Values to JSON text.
//!
//! Four things are not plain JSON: maps with keys that are no text, and objects with a key `$`
//! (`dict`); bytes that serde knows as bytes (`bytes`); floats that are not finite (`float`).

use std::fmt::Write as _;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::wrong::{Wrong, item, member, shorten};
use super::{node, number};
use crate::base64;

/// Levels of nesting that a value may have, as in Python.
const DEPTH_MAX: usize = 100;

/// What `serde_json` calls values that it hands over as text.
pub(super) const VERBATIM: [&str; 2] = [
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];

/// One value being written.
pub(super) struct Writer<'o> {
    out: &'o mut String,
    depth: usize,
    /// Whether this is the key of a map: then a sequence is a tuple, which Python can look up.
    is_key: bool,
}

impl<'o> Writer<'o> {
    pub fn new(out: &'o mut String) -> Self {
        Self {
            out,
            depth: 0,
            is_key: false,
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        while let Some(at) = rest.bytes().position(is_special) {
            self.out.push_str(&rest[..at]);
            self.escape(rest.as_bytes()[at]);
            rest = &rest[at + 1..];
        }
        self.out.push_str(rest);
        self.out.push('"');
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.out.push_str("\\\""),
            b'\\' => self.out.push_str("\\\\"),
            b'\n' => self.out.push_str("\\n"),
            b'\r' => self.out.push_str("\\r"),
            b'\t' => self.out.push_str("\\t"),
            0x08 => self.out.push_str("\\b"),
            0x0c => self.out.push_str("\\f"),
            _ => write!(self.out, "\\u{byte:04x}").expect("strings take what is written to them"),
        }
    }

    fn enter(&mut self) -> Result<(), Wrong> {
        if self.depth == DEPTH_MAX {
            return Err(Wrong::new(format!(
                "is nested more than {DEPTH_MAX} levels deep: flatten it"
            )));
        }
        self.depth += 1;
        Ok(())
    }

    fn items(&mut self) -> Result<Compound<'_, 'o>, Wrong> {
        self.enter()?;
        let close = if self.is_key {
            self.out.push_str(r#"{"$":"tuple","v":["#);
            "]}"
        } else {
            self.out.push('[');
            "]"
        };
        Ok(Compound::new(self, close))
    }

    fn members(&mut self) -> Result<Compound<'_, 'o>, Wrong> {
        if self.is_key {
            return Err(Wrong::new(
                "a key of a map cannot be an object: use a list of pairs",
            ));
        }
        self.enter()?;
        let compound = Compound::new(self, "}");
        compound.writer.out.push('{');
        Ok(compound)
    }

    /// Opens `{"Variant":`, which the content's end has to close.
    fn variant(&mut self, name: &'static str) -> Result<(), Wrong> {
        if name == "$" {
            return Err(Wrong::new(
                "a variant that holds something cannot be named $",
            ));
        }
        if self.is_key {
            return Err(Wrong::new(
                "a key of a map cannot be an object: use a list of pairs",
            ));
        }
        self.enter()?;
        self.out.push('{');
        self.text(name);
        self.out.push(':');
        Ok(())
    }

    fn float(&mut self, is_finite: bool, shown: &str) {
        if is_finite {
            self.out.push_str(shown);
        } else {
            self.out.push_str(r#"{"$":"float","v":""#);
            self.out.push_str(&shown.to_ascii_lowercase());
            self.out.push_str("\"}");
        }
    }
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

macro_rules! integers {
    ($($name:ident $kind:ty),*) => {
        $(fn $name(self, value: $kind) -> Result<(), Wrong> {
            write!(self.out, "{value}").expect("strings take what is written to them");
            Ok(())
        })*
    };
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Wrong;
    type SerializeSeq = Compound<'w, 'o>;
    type SerializeTuple = Compound<'w, 'o>;
    type SerializeTupleStruct = Compound<'w, 'o>;
    type SerializeTupleVariant = Compound<'w, 'o>;
    type SerializeMap = Compound<'w, 'o>;
    type SerializeStruct = Compound<'w, 'o>;
    type SerializeStructVariant = Compound<'w, 'o>;

    integers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_i128 i128, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32,
        serialize_u64 u64, serialize_u128 u128
    );

    fn serialize_bool(self, value: bool) -> Result<(), Wrong> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Wrong> {
        self.float(value.is_finite(), &number::shown(value));
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Wrong> {
        self.float(value.is_finite(), &number::shown(value));
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Wrong> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Wrong> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Wrong> {
        self.out.push_str(r#"{"$":"bytes","v":""#);
        self.out.push_str(&base64::encode(value));
        self.out.push_str("\"}");
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Wrong> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Wrong> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Wrong> {
        self.out.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Wrong> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Wrong> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Wrong> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Wrong> {
        self.variant(variant)?;
        value
            .serialize(&mut *self)
            .map_err(|wrong| wrong.under(&member(variant)))?;
        self.out.push('}');
        self.depth -= 1;
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'w, 'o>, Wrong> {
        self.items()
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'w, 'o>, Wrong> {
        self.items()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'w, 'o>, Wrong> {
        self.items()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Wrong> {
        self.variant(variant)?;
        Ok(self.items()?.inside(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'w, 'o>, Wrong> {
        self.members()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'w, 'o>, Wrong> {
        if VERBATIM.contains(&name) {
            self.depth += 1;
            let mut compound = Compound::new(self, "");
            compound.verbatim = true;
            return Ok(compound);
        }
        self.members()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Wrong> {
        self.variant(variant)?;
        Ok(self.members()?.inside(variant))
    }
}

/// An array or an object being written.
pub(super) struct Compound<'w, 'o> {
    writer: &'w mut Writer<'o>,
    close: &'static str,
    /// Where its text begins.
    start: usize,
    /// Where the last key begins.
    key: usize,
    count: usize,
    /// Whether it is written as `dict`, a list of pairs.
    pairs: bool,
    /// Whether its only field is text to be written as it is.
    verbatim: bool,
    /// The variant of an enum whose content it is.
    variant: Option<&'static str>,
}

impl<'w, 'o> Compound<'w, 'o> {
    fn new(writer: &'w mut Writer<'o>, close: &'static str) -> Self {
        let start = writer.out.len();
        Self {
            writer,
            close,
            start,
            key: start,
            count: 0,
            pairs: false,
            verbatim: false,
            variant: None,
        }
    }

    fn inside(mut self, variant: &'static str) -> Self {
        self.variant = Some(variant);
        self
    }

    fn located(&self, wrong: Wrong, part: &str) -> Wrong {
        let wrong = wrong.under(part);
        match self.variant {
            Some(variant) => wrong.under(&member(variant)),
            None => wrong,
        }
    }

    fn comma(&mut self) {
        if self.count > 0 {
            self.writer.out.push(',');
        }
        self.count += 1;
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Wrong> {
        let part = self.count;
        self.comma();
        value
            .serialize(&mut *self.writer)
            .map_err(|wrong| self.located(wrong, &item(part)))
    }

    fn write_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Wrong> {
        self.comma();
        if self.pairs {
            self.writer.out.push('[');
        }
        self.key = self.writer.out.len();
        let was_key = std::mem::replace(&mut self.writer.is_key, true);
        key.serialize(&mut *self.writer)?;
        self.writer.is_key = was_key;
        let written = &self.writer.out[self.key..];
        if !self.pairs && (!written.starts_with('"') || written == "\"$\"") {
            self.turn_into_pairs()?;
        }
        Ok(())
    }

    /// Rewrites the members so far, of which there are few or none: a map's keys are mostly alike.
    fn turn_into_pairs(&mut self) -> Result<(), Wrong> {
        let key = self.writer.out.split_off(self.key);
        let mut written = self.writer.out.split_off(self.start);
        if written.ends_with(',') {
            written.pop();
        }
        written.push('}');
        self.writer.out.push_str(r#"{"$":"dict","v":["#);
        if let node::Kind::Object(members) = node::parse(&written)?.kind {
            for (name, node) in members {
                self.writer.out.push('[');
                self.writer.text(&name);
                self.writer.out.push(',');
                self.writer.out.push_str(node.text);
                self.writer.out.push_str("],");
            }
        }
        self.writer.out.push('[');
        self.key = self.writer.out.len();
        self.writer.out.push_str(&key);
        self.pairs = true;
        Ok(())
    }

    fn write_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Wrong> {
        self.writer.out.push(if self.pairs { ',' } else { ':' });
        let at = self.writer.out.len();
        if let Err(wrong) = value.serialize(&mut *self.writer) {
            let key = &self.writer.out[self.key..at - 1];
            let part = match serde_json::from_str::<String>(key) {
                Ok(name) => member(&name),
                Err(_) => format!("[{}]", shorten(key)),
            };
            return Err(self.located(wrong, &part));
        }
        if self.pairs {
            self.writer.out.push(']');
        }
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Wrong> {
        if !self.verbatim {
            self.write_key(name)?;
            return self.write_value(value);
        }
        value.serialize(&mut *self.writer)?;
        let quoted = self.writer.out.split_off(self.start);
        let text: String =
            serde_json::from_str(&quoted).map_err(|_| Wrong::new("is no JSON text"))?;
        self.writer.out.push_str(&text);
        Ok(())
    }

    fn finish(self) {
        let close = if self.pairs { "]}" } else { self.close };
        self.writer.out.push_str(close);
        self.writer.depth -= 1;
        if self.variant.is_some() {
            self.writer.out.push('}');
            self.writer.depth -= 1;
        }
    }
}

macro_rules! of_items {
    ($($kind:ident $method:ident),*) => {
        $(impl $kind for Compound<'_, '_> {
            type Ok = ();
            type Error = Wrong;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Wrong> {
                self.item(value)
            }

            fn end(self) -> Result<(), Wrong> {
                self.finish();
                Ok(())
            }
        })*
    };
}

macro_rules! of_members {
    ($($kind:ident),*) => {
        $(impl $kind for Compound<'_, '_> {
            type Ok = ();
            type Error = Wrong;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Wrong> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Wrong> {
                self.finish();
                Ok(())
            }
        })*
    };
}

of_items!(
    SerializeSeq serialize_element, SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field
);
of_members!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Wrong;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Wrong> {
        self.write_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Wrong> {
        self.write_value(value)
    }

    fn end(self) -> Result<(), Wrong> {
        self.finish();
        Ok(())
    }
}
