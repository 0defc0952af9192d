//! The variants of enums.

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};

use super::node::{Kind, Member, Node};
use super::parts::{Entries, Values};
use super::read::Reader;
use super::wrong::{Wrong, member};

/// A variant of an enum.
pub(super) struct Choice<'n, 't> {
    pub name: &'n str,
    pub content: Content<'n, 't>,
}

/// What a variant holds.
pub(super) enum Content<'n, 't> {
    Nothing,
    /// What stands under the variant's name.
    Node(&'n str, &'n Node<'t>),
    /// The fields of the dataclass that has the variant's name.
    Members(&'n [Member<'t>]),
}

impl<'de, 'n, 't> EnumAccess<'de> for Choice<'n, 't> {
    type Error = Wrong;
    type Variant = Content<'n, 't>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Wrong> {
        let name: StrDeserializer<'_, Wrong> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.content))
    }
}

fn located<T>(name: &str, outcome: Result<T, Wrong>) -> Result<T, Wrong> {
    outcome.map_err(|wrong| wrong.under(&member(name)))
}

impl<'de> VariantAccess<'de> for Content<'_, '_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        match self {
            Self::Nothing | Self::Members([]) => Ok(()),
            Self::Node(_, node) if matches!(node.kind, Kind::Null) => Ok(()),
            _ => Err(Wrong::new(
                "this variant holds nothing, but something is given",
            )),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        match self {
            Self::Nothing => Err(Wrong::new("this variant holds a value, but none is given")),
            Self::Node(name, node) => located(name, seed.deserialize(Reader::new(node))),
            Self::Members(members) => {
                seed.deserialize(MapAccessDeserializer::new(Entries::of_members(members)))
            }
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, size: usize, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Nothing => Err(Wrong::new("this variant holds values, but none are given")),
            Self::Node(name, node) => {
                located(name, Reader::new(node).deserialize_tuple(size, visitor))
            }
            Self::Members(members) => visitor.visit_seq(Values::new(members)),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self {
            Self::Nothing => Err(Wrong::new("this variant has fields, but none are given")),
            Self::Node(name, node) => located(name, Reader::new(node).deserialize_map(visitor)),
            Self::Members(members) => visitor.visit_map(Entries::of_members(members)),
        }
    }
}
