//! JSON bodies, byte for byte as Python's `json.dumps` writes them: ASCII only, its own floats.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::host;

struct Python;

impl Formatter for Python {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(host::number(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (at, one) in fragment.char_indices() {
            if !(' '..='~').contains(&one) {
                out.write_all(&fragment.as_bytes()[plain..at])?;
                for unit in one.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
                plain = at + one.len_utf8();
            }
        }
        CompactFormatter.write_string_fragment(out, &fragment[plain..])
    }
}

/// A value as JSON.
pub(super) fn text<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut out, Python,
    ))?;
    Ok(String::from_utf8(out).expect("JSON is text"))
}

#[cfg(test)]
mod tests {
    use super::text;

    /// The text is that of `json.dumps(value, separators=(",", ":"))`.
    #[test]
    fn bodies_are_written_as_python_does() {
        let value = serde_json::json!([
            "\u{e4}\u{1f600}\u{7f}\u{1}\n\"/",
            1.0,
            1e16,
            1e-5,
            -0.0,
            null
        ]);
        let expected = r#"["\u00e4\ud83d\ude00\u007f\u0001\n\"/",1.0,1e+16,1e-05,-0.0,null]"#;
        assert_eq!(text(&value).expect("it is JSON"), expected);
    }
}
