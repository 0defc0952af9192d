//! Queries and forms, encoded as Python's `urlencode` does.

use std::fmt::Write as _;

/// Pairs as `name=value&name=value`.
pub(super) fn encode(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        quote(&mut out, name);
        out.push('=');
        quote(&mut out, value);
    }
    out
}

/// A URL with these pairs added to its query.
pub(super) fn with_query(url: &str, pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return url.into();
    }
    let (bare, fragment) = url.find('#').map_or((url, ""), |place| url.split_at(place));
    let joint = if bare.contains('?') { '&' } else { '?' };
    format!("{bare}{joint}{}{fragment}", encode(pairs))
}

fn quote(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").expect("strings take what is written to them"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{encode, with_query};

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    /// Texts are quoted as Python's `quote_plus` does.
    #[test]
    fn pairs_are_quoted() {
        let given = pairs(&[("a b", "\u{fc}&="), ("", "~_.-"), ("x", "+/")]);
        assert_eq!(encode(&given), "a+b=%C3%BC%26%3D&=~_.-&x=%2B%2F");
        assert_eq!(encode(&[]), "");
    }

    /// A query goes before the fragment, and after a query that is there.
    #[test]
    fn queries_are_added() {
        let given = pairs(&[("n", "1")]);
        assert_eq!(with_query("http://a/b", &given), "http://a/b?n=1");
        assert_eq!(
            with_query("http://a/b?c#d?e", &given),
            "http://a/b?c&n=1#d?e"
        );
        assert_eq!(with_query("http://a/b#d?e", &given), "http://a/b?n=1#d?e");
        assert_eq!(with_query("http://a/b#d", &[]), "http://a/b#d");
    }
}
