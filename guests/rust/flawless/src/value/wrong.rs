//! What is wrong with a value, and where in it.

use std::fmt;

const PATH_CHARS_MAX: usize = 200;

/// A value that cannot be written, or JSON that does not fit the type it is read as.
#[derive(Debug)]
pub(crate) struct Wrong(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The way to the value: `.lines[2].cents`.
    path: String,
    reason: String,
}

impl Wrong {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            path: String::new(),
            reason: reason.into(),
        }))
    }

    /// Puts a step before the path; called on the way out, so that success pays nothing for it.
    pub(crate) fn under(mut self, part: &str) -> Self {
        self.0.path.insert_str(0, part);
        self
    }

    /// The error of a value that has a name (`order`), or is described (`the result`).
    pub(crate) fn about(&self, what: &str) -> String {
        let (path, reason) = (self.path(), &self.0.reason);
        let bare = path.strip_prefix('.').unwrap_or(&path);
        if path.is_empty() {
            format!("{what}: {reason}")
        } else if is_name(what) {
            format!("{what}{path}: {reason}")
        } else {
            format!("{what}: {bare}: {reason}")
        }
    }

    fn path(&self) -> String {
        let path = &self.0.path;
        let count = path.chars().count();
        if count <= PATH_CHARS_MAX {
            return path.clone();
        }
        let head = path.chars().take(PATH_CHARS_MAX / 2);
        let tail = path.chars().skip(count - PATH_CHARS_MAX / 2);
        head.chain(['…']).chain(tail).collect()
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        match path.strip_prefix('.').unwrap_or(&path) {
            "" => out.write_str(&self.0.reason),
            path => write!(out, "{path}: {}", self.0.reason),
        }
    }
}

impl std::error::Error for Wrong {}

impl serde::ser::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// The path part of an item.
pub(crate) fn item(index: usize) -> String {
    format!("[{index}]")
}

/// The path part of a field: `.price`, or `["unit price"]`.
pub(super) fn member(name: &str) -> String {
    if is_name(name) {
        format!(".{name}")
    } else {
        format!("[{}]", shorten(&format!("{name:?}")))
    }
}

/// A text cut to what fits into a sentence.
pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.into();
    }
    text.chars().take(59).chain(['…']).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|one| one.is_alphanumeric() || one == '_')
}
