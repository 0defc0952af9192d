//! Values there and back, and what is said about those that do not fit.

mod errors;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{from_str, node, to_string};
use crate::base64;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    item: String,
    cents: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle { radius: f64 },
    Square(f64),
    Line(i32, i32),
    Named(Line),
}

/// Bytes, as the crate `serde_bytes` has them.
#[derive(Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
                out.write_str("bytes")
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        from.deserialize_byte_buf(Visitor)
    }
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "shorter where it is used")]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, text: &str) {
    assert_eq!(to_string(&value).unwrap(), text);
    assert_eq!(from_str::<T>(text).unwrap(), value);
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "shorter where it is used")]
fn reads<T: DeserializeOwned + PartialEq + Debug>(text: &str, value: T) {
    assert_eq!(from_str::<T>(text).unwrap(), value);
}

#[track_caller]
fn refuses<T: DeserializeOwned + Debug>(text: &str, message: &str) {
    assert_eq!(from_str::<T>(text).unwrap_err().to_string(), message);
}

#[test]
fn plain_values_are_plain_json() {
    same((), "null");
    same(true, "true");
    same(-7_i8, "-7");
    same(u64::MAX, "18446744073709551615");
    same(u128::MAX, "340282366920938463463374607431768211455");
    same(i128::MIN, "-170141183460469231731687303715884105728");
    same('ß', "\"ß\"");
    same(None::<u8>, "null");
    same(Some(1), "1");
    same(vec![1, 2], "[1,2]");
    same((1, "a".to_string(), [true]), r#"[1,"a",[true]]"#);
    same(VecDeque::from([1]), "[1]");
    same(
        BTreeMap::from([("a".to_string(), 1), ("b".to_string(), 2)]),
        r#"{"a":1,"b":2}"#,
    );
    same(BTreeMap::<String, u8>::new(), "{}");
    same(BTreeMap::<u8, u8>::new(), "{}");
    same(BTreeMap::from([(Colour::Red, 1)]), r#"{"RED":1}"#);
    same(
        Order {
            id: 7,
            lines: vec![Line {
                item: "tea".into(),
                cents: 3,
            }],
            note: None,
        },
        r#"{"id":7,"lines":[{"item":"tea","cents":3}],"note":null}"#,
    );
}

#[test]
fn enums_are_written_as_serde_has_them() {
    same(Colour::Green, r#""GREEN""#);
    same(Shape::Dot, r#""Dot""#);
    same(
        Shape::Circle { radius: 1.0 },
        r#"{"Circle":{"radius":1.0}}"#,
    );
    same(Shape::Square(2.0), r#"{"Square":2.0}"#);
    same(Shape::Line(1, 2), r#"{"Line":[1,2]}"#);
    same(
        vec![Shape::Circle {
            radius: f64::INFINITY,
        }],
        r#"[{"Circle":{"radius":{"$":"float","v":"inf"}}}]"#,
    );
}

#[test]
fn floats_look_as_python_writes_them() {
    for (value, text) in [
        (5.0, "5.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (1.25e-100, "1.25e-100"),
        (5e-324, "5e-324"),
        (f64::INFINITY, r#"{"$":"float","v":"inf"}"#),
        (f64::NEG_INFINITY, r#"{"$":"float","v":"-inf"}"#),
    ] {
        same(value, text);
    }
    assert_eq!(to_string(&f64::NAN).unwrap(), r#"{"$":"float","v":"nan"}"#);
    assert!(
        from_str::<f64>(r#"{"$":"float","v":"nan"}"#)
            .unwrap()
            .is_nan()
    );
    assert_eq!(to_string(&0.1_f32).unwrap(), "0.1");
    reads("7", 7.0);
}

#[test]
fn text_is_escaped_as_python_escapes_it() {
    same(
        "\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}/ß\u{2028}😀".to_string(),
        "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f}/ß\u{2028}😀\"",
    );
}

#[test]
fn keys_that_are_no_text_make_a_list_of_pairs() {
    same(
        BTreeMap::from([(1, "one".to_string()), (2, "two".to_string())]),
        r#"{"$":"dict","v":[[1,"one"],[2,"two"]]}"#,
    );
    same(
        BTreeMap::from([((1, 2), true)]),
        r#"{"$":"dict","v":[[{"$":"tuple","v":[1,2]},true]]}"#,
    );
    same(
        BTreeMap::from([
            ("\n".to_string(), vec![BTreeMap::from([(7_u8, 1)])]),
            ("$".to_string(), vec![]),
            ("a".to_string(), vec![]),
        ]),
        r#"{"$":"dict","v":[["\n",[{"$":"dict","v":[[7,1]]}]],["$",[]],["a",[]]]}"#,
    );
    same(
        json!({"a": 1, "$": 2}),
        r#"{"$":"dict","v":[["a",1],["$",2]]}"#,
    );
    same(
        BTreeMap::from([("!".to_string(), 1), ("$".to_string(), 2)]),
        r#"{"$":"dict","v":[["!",1],["$",2]]}"#,
    );
    assert_eq!(
        to_string(&BTreeMap::from([(BTreeMap::from([("a", 1)]), 1)]))
            .unwrap_err()
            .to_string(),
        "a key of a map cannot be an object: use a list of pairs"
    );
}

#[test]
fn bytes_travel_as_bytes() {
    for count in 0..10_u8 {
        let bytes: Vec<u8> = (250..=255).chain(0..count).collect();
        let text = base64::encode(&bytes);
        assert_eq!(base64::decode(&text), Some(bytes));
    }
    for text in ["a", "ab==cd==", "====", "a===", "a b=", "ab=c"] {
        assert_eq!(base64::decode(text), None, "{text}");
    }
    same(Bytes(b"ab".to_vec()), r#"{"$":"bytes","v":"YWI="}"#);
    let text = r#"{"$":"bytearray","v":"YWI="}"#;
    reads(text, vec![b'a', b'b']);
    reads(text, "YWI=".to_string());
    reads(text, json!("YWI="));
    refuses::<Bytes>(r#"{"$":"bytes","v":"!"}"#, "is not valid base64");
}

#[test]
fn containers_of_python_are_sequences_and_maps() {
    reads(r#"{"$":"tuple","v":[1,"a"]}"#, (1, "a".to_string()));
    reads(r#"{"$":"set","v":[1,2]}"#, BTreeSet::from([1, 2]));
    reads(r#"{"$":"frozenset","v":[1]}"#, vec![1]);
    reads(r#"{"v":[1],"maxlen":3,"$":"deque"}"#, json!([1]));
    for tag in ["dict", "ordereddict", "counter", "defaultdict"] {
        let text = format!(r#"{{"$":"{tag}","v":[[1,2],[3,4]]}}"#);
        reads(&text, HashMap::from([(1_u32, 2), (3, 4)]));
        reads(&text, vec![(1, 2), (3, 4)]);
        reads(&text, json!({"1": 2, "3": 4}));
        reads(
            &text,
            BTreeMap::from([("1".to_string(), 2), ("3".to_string(), 4)]),
        );
    }
    reads(r#"{"$":"dict","v":[[null,2]]}"#, json!([[null, 2]]));
    reads(
        r#"{"$":"dict","v":[[null,2]]}"#,
        BTreeMap::from([(None::<u8>, 2)]),
    );
    reads(r#"{"1":2}"#, HashMap::from([(1_u8, 2)]));
    reads(
        r#"{"1":{"$":"tuple","v":[]}}"#,
        HashMap::from([(1_u8, Vec::<u8>::new())]),
    );
}

#[test]
fn numbers_of_python() {
    reads(
        r#"[{"$":"tuple","v":[]},340282366920938463463374607431768211455]"#,
        (Vec::<u8>::new(), u128::MAX),
    );
    reads(r#"{"$":"int","v":"0x8000"}"#, "0x8000".to_string());
    reads(r#"{"$":"complex","v":[1.0,2]}"#, (1.0, 2.0));
    reads(r#"{"$":"decimal","v":"1.50"}"#, "1.50".to_string());
    reads(r#"{"$":"decimal","v":"1.50"}"#, 1.5);
    refuses::<u128>(
        r#"{"$":"int","v":"0x8000"}"#,
        r#"invalid type: string "0x8000", expected u128"#,
    );
    refuses::<Value>(
        r#"[{"$":"tuple","v":[1e999]}]"#,
        "[0][0]: is a number out of range: 1e999",
    );
}

#[test]
fn times_of_python() {
    reads(r#"{"$":"date","v":"2026-01-02"}"#, "2026-01-02".to_string());
    reads(
        r#"{"$":"datetime","v":"2026-01-02T03:04:05","zone":"Europe/Berlin"}"#,
        json!("2026-01-02T03:04:05[Europe/Berlin]"),
    );
    reads(
        r#"{"$":"timezone","offset":[-1,84600,0]}"#,
        "-00:30".to_string(),
    );
    reads(
        r#"{"$":"timezone","zone":"Asia/Tokyo"}"#,
        "Asia/Tokyo".to_string(),
    );
    let text = r#"{"$":"timedelta","v":[1,2,500000]}"#;
    reads(text, 86_402.5);
    reads(text, Duration::from_millis(86_402_500));
    reads(text, (1, 2, 500_000));
    reads(r#"{"$":"timedelta","v":[0,60,0]}"#, 60_u8);
    refuses::<Duration>(
        r#"{"$":"timedelta","v":[-1,0,0]}"#,
        "is a negative timedelta: read it as f64, or as (days, seconds, microseconds)",
    );
}

#[test]
fn classes_of_python() {
    reads(r#"{"$":"enum","c":"app:Colour","n":"RED"}"#, Colour::Red);
    reads(
        r#"{"$":"enum","c":"app:Colour","n":"RED"}"#,
        "RED".to_string(),
    );
    reads(r#"{"$":"enum","c":"app:Flags","v":3}"#, 3);
    reads(
        r#"{"$":"dict","v":[[{"$":"enum","c":"app:Colour","n":"RED"},1]]}"#,
        BTreeMap::from([(Colour::Red, 1)]),
    );
    let line = Line {
        item: "tea".into(),
        cents: 3,
    };
    let text = r#"{"$":"dataclass","c":"app:Line","f":{"item":"tea","cents":3}}"#;
    reads(text, line);
    reads(text, json!({"item": "tea", "cents": 3}));
    reads(
        r#"{"$":"dataclass","c":"app:Shapes.Circle","f":{"radius":2.5}}"#,
        Shape::Circle { radius: 2.5 },
    );
    reads(
        r#"{"$":"attrs","c":"app:Named","f":{"item":"tea","cents":3}}"#,
        Shape::Named(Line {
            item: "tea".into(),
            cents: 3,
        }),
    );
    reads(r#"{"$":"dataclass","c":"app:Dot","f":{}}"#, Shape::Dot);
    let point = r#"{"$":"namedtuple","c":"app:Line","f":{"x":1,"y":2}}"#;
    reads(point, (1, 2));
    reads(point, json!({"x": 1, "y": 2}));
    reads(point, Shape::Line(1, 2));
    let error = r#"{"$":"exception","c":"builtins:ValueError","m":"no","a":["no"]}"#;
    reads(error, json!({"type": "ValueError", "message": "no"}));
    reads(error, "no".to_string());
}

#[test]
fn raw_values_pass_through_untouched() {
    let text = r#"[{"$":"set","v":[1]},{"$":"decimal","v":"1.50"}]"#;
    let raw: Vec<Box<RawValue>> = from_str(text).unwrap();
    assert_eq!(to_string(&raw).unwrap(), text);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    Paid {
        cents: f64,
    },
    Sent {
        #[serde(flatten)]
        line: Line,
        tags: Vec<String>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(f64),
    Pairs(BTreeMap<String, u8>),
    Text(String),
}

#[test]
fn the_attributes_of_serde_work_with_tags_of_python() {
    same(
        Event::Paid {
            cents: f64::INFINITY,
        },
        r#"{"kind":"paid","cents":{"$":"float","v":"inf"}}"#,
    );
    let line = Line {
        item: "tea".into(),
        cents: 3,
    };
    reads(
        r#"{"$":"dataclass","c":"app:Sent","f":{"kind":"sent","item":"tea","cents":3,"tags":{"$":"set","v":["a"]}}}"#,
        Event::Sent {
            line,
            tags: vec!["a".into()],
        },
    );
    reads(
        r#"{"$":"tuple","v":[1,{"$":"dict","v":[["$",1]]},{"$":"uuid","v":"u"}]}"#,
        [
            Either::Number(1.0),
            Either::Pairs(BTreeMap::from([("$".into(), 1)])),
            Either::Text("u".into()),
        ],
    );
    refuses::<Vec<Event>>(
        r#"[{"kind":"lost"}]"#,
        "[0].kind: unknown variant `lost`, expected `paid` or `sent`",
    );
}

#[test]
fn both_ways_of_reading_agree() {
    for text in [
        "null",
        "-7",
        "18446744073709551615",
        "1e3",
        "-0.0",
        r#""a\u00e9\n""#,
        r#"[[],{},[{"a":[null,true]}]]"#,
        r#"{"b":1,"a":{"x":2.5}}"#,
    ] {
        let fast: Value = serde_json::from_str(text).unwrap();
        let root = node::parse(text).unwrap();
        let slow = Value::deserialize(super::Reader::new(&root)).unwrap();
        assert_eq!(fast, slow);
    }
}
