//! What is said about values that do not fit, and the bounds of those that do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Order, Shape, refuses};
use crate::value::{from_str, node, to_string};

#[test]
fn errors_name_the_path() {
    refuses::<Order>(
        r#"{"id":1,"lines":[{"item":"a","cents":1},{"item":"b","cents":"2"}]}"#,
        r#"lines[1].cents: invalid type: string "2", expected u32"#,
    );
    refuses::<Order>(
        r#"{"id":1,"lines":[{"item":"a"}]}"#,
        "lines[0]: missing field `cents`",
    );
    refuses::<BTreeMap<String, Vec<u8>>>(
        r#"{"unit price":[256]}"#,
        r#"["unit price"][0]: invalid value: integer `256`, expected u8"#,
    );
    refuses::<BTreeMap<u8, u8>>(
        r#"{"$":"dict","v":[[1,-1]]}"#,
        "[1]: invalid value: integer `-1`, expected u8",
    );
    refuses::<BTreeMap<u8, u8>>(r#"{"a":1}"#, r#"a: invalid type: string "a", expected u8"#);
    refuses::<Vec<Shape>>(
        "[1]",
        "[0]: expected a variant of Shape (Dot, Circle, Square, Line, Named), got 1",
    );
    refuses::<Vec<Shape>>(
        r#"[{"Circle":{"radius":"x"}}]"#,
        r#"[0].Circle.radius: invalid type: string "x", expected f64"#,
    );
    refuses::<Vec<Shape>>(
        r#"["Cube"]"#,
        "[0]: unknown variant `Cube`, expected one of `Dot`, `Circle`, `Square`, `Line`, `Named`",
    );
    refuses::<Vec<Value>>(
        r#"[{"$":"matrix"}]"#,
        r#"[0]: has the unknown tag "$": "matrix"; an object with a "$" key of its own is written {"$": "dict", "v": [[key, value], ...]}"#,
    );
    refuses::<Value>(r#"{"$":"dict","v":[[1]]}"#, "is not a valid dict");
}

#[test]
fn errors_name_the_value_too() {
    let wrong = || from_str::<Order>(r#"{"id":"x","lines":[]}"#).unwrap_err();
    let reason = r#"invalid type: string "x", expected u64"#;
    assert_eq!(wrong().about("order"), format!("order.id: {reason}"));
    assert_eq!(
        wrong().about("the result"),
        format!("the result: id: {reason}")
    );
    assert_eq!(
        from_str::<u8>("300").unwrap_err().about("count"),
        "count: invalid value: integer `300`, expected u8"
    );
}

#[test]
fn nesting_is_bounded_in_both_directions() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(to_string(&nested(100)).is_ok());
    let error = to_string(&nested(101)).unwrap_err().to_string();
    assert!(
        error.ends_with("is nested more than 100 levels deep: flatten it"),
        "{error}"
    );
    assert!(error.chars().count() < 300, "{error}");
    let python = |levels: usize| {
        format!(
            "{}1{}",
            r#"{"$":"dict","v":[[null,"#.repeat(levels),
            "]]}".repeat(levels)
        )
    };
    assert!(from_str::<Value>(&python(100)).is_ok());
    refuses::<Value>(&python(1000), "is nested too deeply");
    refuses::<Value>(&"[".repeat(1_000_000), "is nested too deeply");
}

#[test]
fn broken_text_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\n\"",
        "[1",
        "[1,",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{1:2}",
        "[1 2]",
        "nul",
        "01",
        "1.",
        "-",
        "1e",
        "+1",
        "--1",
        "1 2",
        "\"\\ud800\"",
        "NaN",
        "[,]",
        "{,}",
        "ß",
    ] {
        assert!(node::parse(text).is_err(), "{text:?}");
    }
    for text in [
        " [ 1 , { } ] ",
        r#"{"a" : "\ud83d\ude00"}"#,
        "-0",
        "1E+2",
        "[[],{}]",
    ] {
        assert!(node::parse(text).is_ok(), "{text:?}");
    }
}
