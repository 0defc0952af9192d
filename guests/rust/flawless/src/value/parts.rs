//! What arrays and objects hold, handed out one by one, with the path in errors.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Kind, Member, Node};
use super::read::{Reader, name};
use super::wrong::{Wrong, item, member, shorten};

/// The items of a sequence.
pub(super) struct Items<'n, 't> {
    rest: std::slice::Iter<'n, Node<'t>>,
    count: usize,
}

impl<'n, 't> Items<'n, 't> {
    pub fn new(items: &'n [Node<'t>]) -> Self {
        Self {
            rest: items.iter(),
            count: 0,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        let Some(node) = self.rest.next() else {
            return Ok(None);
        };
        self.count += 1;
        seed.deserialize(Reader::new(node))
            .map(Some)
            .map_err(|wrong| wrong.under(&item(self.count - 1)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The values of a named tuple.
pub(super) struct Values<'n, 't>(std::slice::Iter<'n, Member<'t>>);

impl<'n, 't> Values<'n, 't> {
    pub fn new(members: &'n [Member<'t>]) -> Self {
        Self(members.iter())
    }
}

impl<'de> SeqAccess<'de> for Values<'_, '_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        let Some((name, node)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader::new(node))
            .map(Some)
            .map_err(|wrong| wrong.under(&member(name)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of a map.
pub(super) struct Entries<'n, 't> {
    rest: Rest<'n, 't>,
    entry: Option<(Key<'n, 't>, &'n Node<'t>)>,
}

enum Rest<'n, 't> {
    Members(std::slice::Iter<'n, Member<'t>>),
    Pairs(std::slice::Iter<'n, Node<'t>>),
}

impl<'n, 't> Entries<'n, 't> {
    pub fn of_members(members: &'n [Member<'t>]) -> Self {
        Self {
            rest: Rest::Members(members.iter()),
            entry: None,
        }
    }

    pub fn of_pairs(pairs: &'n [Node<'t>]) -> Self {
        Self {
            rest: Rest::Pairs(pairs.iter()),
            entry: None,
        }
    }

    fn next(&mut self) -> Option<(Key<'n, 't>, &'n Node<'t>)> {
        match &mut self.rest {
            Rest::Members(rest) => rest.next().map(|(name, node)| (Key::Text(name), node)),
            Rest::Pairs(rest) => match rest.next()?.items()? {
                [key, node] => Some((Key::of(key), node)),
                _ => None,
            },
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        let Some((key, node)) = self.next() else {
            return Ok(None);
        };
        self.entry = Some((key, node));
        seed.deserialize(key)
            .map(Some)
            .map_err(|wrong| wrong.under(&key.part()))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let (key, node) = self
            .entry
            .take()
            .ok_or_else(|| Wrong::custom("a value was asked for before its key"))?;
        seed.deserialize(Reader::new(node))
            .map_err(|wrong| wrong.under(&key.part()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(match &self.rest {
            Rest::Members(rest) => rest.len(),
            Rest::Pairs(rest) => rest.len(),
        })
    }
}

/// A key: the name of a member, or any value before another one in a pair.
#[derive(Clone, Copy)]
enum Key<'n, 't> {
    Text(&'n str),
    Node(&'n Node<'t>),
}

impl<'n, 't> Key<'n, 't> {
    fn of(node: &'n Node<'t>) -> Self {
        match &node.kind {
            Kind::Text(text) => Key::Text(text),
            _ => Key::Node(node),
        }
    }

    fn part(self) -> String {
        match self {
            Key::Text(name) => member(name),
            Key::Node(node) => format!("[{}]", shorten(node.text)),
        }
    }
}

macro_rules! from_text {
    ($($method:ident $visit:ident $kind:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self {
                Key::Text(text) => match text.parse::<$kind>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => visitor.visit_str(text),
                },
                Key::Node(node) => Reader::new(node).$method(visitor),
            }
        })*
    };
}

macro_rules! as_text {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self {
                Key::Node(node) => match name(node) {
                    Some(name) => visitor.visit_str(&name),
                    None => self.deserialize_any(visitor),
                },
                Key::Text(text) => visitor.visit_str(text),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Key<'_, '_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Key::Text(text) => visitor.visit_str(text),
            Key::Node(node) => Reader::new(node).deserialize_any(visitor),
        }
    }

    from_text!(
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64
    );
    as_text!(deserialize_str, deserialize_string, deserialize_identifier);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Key::Node(node) => Reader::new(node).deserialize_option(visitor),
            Key::Text(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self {
            Key::Text(text) => {
                let text: StrDeserializer<'_, Wrong> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Key::Node(node) => Reader::new(node).deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        size: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self {
            Key::Node(node) => Reader::new(node).deserialize_tuple(size, visitor),
            Key::Text(_) => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple_struct map struct ignored_any
    }
}
