//! How values travel between Rust, Python and JSON. There is nothing to call here.
//!
//! Arguments, results, messages and what is published are JSON. Rust writes with `serde` what JSON
//! has: structs and maps as objects, tuples and sequences as arrays, enums as `serde` does. A few
//! things JSON does not have, and they travel tagged, as Python would write them:
//!
//! | Rust | Python |
//! |---|---|
//! | a map whose keys are no text: `HashMap<u32, T>` | a `dict` with such keys |
//! | an object with a key `$` | a `dict` |
//! | what `serde` knows as bytes: `serde_bytes::ByteBuf` | `bytes` |
//! | a float that is not finite | a `float` |
//!
//! All else is plain: a Python step gets a struct as a `dict`, or as what the annotation of its
//! parameter says, a dataclass say. Values are at most 100 levels deep.
//!
//! # Python's values
//!
//! What Python has and JSON has not is read as what the type in Rust asks for:
//!
//! | Python | Rust |
//! |---|---|
//! | `tuple`, `set`, `frozenset`, `deque` | a tuple, or any collection |
//! | `dict`, `OrderedDict`, `Counter`, `defaultdict` | a map with keys of any type, or a list of pairs |
//! | `bytes`, `bytearray` | bytes of `serde`, `Vec<u8>`, or base64 as `String` |
//! | `int` | an integer, `i128` and `u128` included; from 2¹⁰²³ on hexadecimal as `String` |
//! | `float` | `f64`, infinities and NaN included |
//! | `complex` | `(f64, f64)` |
//! | `datetime`, `date`, `time` | `String` in ISO form, with `[Europe/Berlin]` at its end if it is in a zone |
//! | `timedelta` | `Duration`, `f64` in seconds, or `(i64, i64, i64)`: days, seconds, microseconds |
//! | `Decimal` | `String`, or `f64` |
//! | `UUID` | `String`, or what a crate makes of it |
//! | a member of an `Enum` | a variant without content, by its name: `rename_all` helps |
//! | a dataclass, a class of attrs | a struct, or the variant of an enum that is called like the class |
//! | a named tuple | a struct, or a tuple |
//! | an exception | a struct of `type` and `message`, or the message as `String` |
//!
//! `serde_json::Value` takes what comes, in the form that people are shown, where infinities and
//! NaN are null. `serde_json::value::RawValue` takes it as it is and hands it on with every tag:
//! for workflows that only pass values through.
//!
//! What does not fit is an error of [`Kind::InputInvalid`](crate::Kind::InputInvalid) that names the
//! place: `order.lines[2].cents: invalid type: string "12", expected u32`.
//!
//! # Examples
//!
//! ```
//! use std::collections::HashMap;
//!
//! use flawless::testing::World;
//! use flawless::{json, step};
//!
//! #[flawless::value]
//! #[serde(rename_all = "UPPERCASE")]
//! enum Colour {
//!     Red,
//!     Green,
//! }
//!
//! # fn main() {
//! let world = World::new().step("shop.colours", |_| Ok(json!({"7": "RED"})));
//! let found: HashMap<u32, Colour> = world.run(|| step("shop.colours", ())).unwrap();
//! assert!(matches!(found[&7], Colour::Red));
//! # }
//! ```
