//! Addresses of the web, in one form each, so that a page is not taken for two.

use std::fmt::{self, Write as _};

/// An `http` or `https` address without its fragment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    scheme: String,
    host: String,
    path: String,
    query: Option<String>,
}

impl Address {
    /// Reads a whole address; none for what is not on the web, such as `mailto:`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return None;
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        let port = if scheme == "http" { ":80" } else { ":443" };
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(port).unwrap_or(&host);
        if host.is_empty() || host.contains(['@', ' ']) {
            return None;
        }
        let (path, query) = parts(rest);
        Some(Self {
            scheme,
            host: host.into(),
            path: without_dots(&path),
            query,
        })
    }

    /// Follows a reference that stands on the page of this address.
    pub fn join(&self, reference: &str) -> Option<Self> {
        let reference: String = reference.trim().replace(['\n', '\r', '\t'], "");
        let reference = reference.split('#').next().unwrap_or_default();
        if reference.is_empty() {
            return Some(self.clone());
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme));
        }
        if has_scheme(reference) {
            return Self::parse(reference);
        }
        let (path, query) = parts(reference);
        let path = match path.as_str() {
            "" => self.path.clone(),
            path if path.starts_with('/') => path.into(),
            path => {
                let folder = self.path.rfind('/').map_or(0, |slash| slash + 1);
                format!("{}{path}", &self.path[..folder])
            }
        };
        Some(Self {
            path: without_dots(&path),
            query,
            ..self.clone()
        })
    }

    /// The host, with its port if that is not the usual one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What stands behind the host.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}://{}{}",
            self.scheme,
            self.host,
            self.path_and_query()
        )
    }
}

/// Tells whether a reference begins with a scheme: letters before a colon, before any slash.
fn has_scheme(reference: &str) -> bool {
    let end = reference.find([':', '/', '?']).unwrap_or(reference.len());
    reference[end..].starts_with(':') && reference.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn parts(text: &str) -> (String, Option<String>) {
    match text.split_once('?') {
        Some((path, query)) => (escaped(path), Some(escaped(query))),
        None => (escaped(text), None),
    }
}

/// Writes what may not stand in an address as `%20` and so on.
fn escaped(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}"); // a string takes anything
        }
    }
    written
}

/// Carries out `.` and `..` of a path, and lets it begin with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut open = true;
    for part in path.strip_prefix('/').unwrap_or(path).split('/') {
        open = true;
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
                kept.push(part);
                open = false;
            }
        }
    }
    if open {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::Address;

    /// References are followed as RFC 3986 has it.
    #[test]
    fn references() {
        let page = Address::parse("http://shop.example/a/b/page?x=1#top").unwrap();
        for (reference, target) in [
            ("", "http://shop.example/a/b/page?x=1"),
            ("#here", "http://shop.example/a/b/page?x=1"),
            ("other", "http://shop.example/a/b/other"),
            ("./other/", "http://shop.example/a/b/other/"),
            ("../up", "http://shop.example/a/up"),
            ("../../../up", "http://shop.example/up"),
            ("..", "http://shop.example/a/"),
            ("?y=2", "http://shop.example/a/b/page?y=2"),
            ("/root#part", "http://shop.example/root"),
            ("//cdn.example/x", "http://cdn.example/x"),
            ("HTTPS://Shop.Example:443", "https://shop.example/"),
            ("time/12:30", "http://shop.example/a/b/time/12:30"),
            ("two words/ü", "http://shop.example/a/b/two%20words/%C3%BC"),
        ] {
            assert_eq!(page.join(reference).unwrap().to_string(), target);
        }
        for none in [
            "mailto:eve@shop.example",
            "javascript:go()",
            "http://",
            "ftp://x/",
        ] {
            assert!(page.join(none).is_none(), "{none}");
        }
    }
}
