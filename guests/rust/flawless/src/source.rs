//! The source text that the component carries, for those who read where something happened.

use crate::workflow;

/// The function that a place lies in, and the text of its line; empty where the component has no
/// source of that file. It has that of files with workflows.
pub(crate) fn around(file: &str, line: u32) -> (&'static str, &'static str) {
    workflow::source(file).map_or(("", ""), |source| within(source, line))
}

/// The last function that begins above a line and is indented less.
fn within(source: &str, line: u32) -> (&str, &str) {
    let lines: Vec<&str> = source.lines().take(line as usize).collect();
    let Some((text, above)) = lines.split_last() else {
        return ("", "");
    };
    if above.len() + 1 < line as usize {
        return ("", "");
    }
    let depth = indented(text);
    let function = above
        .iter()
        .rev()
        .filter(|one| indented(one) < depth)
        .find_map(|one| function(one));
    (function.unwrap_or(""), text.trim())
}

fn indented(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the function that begins on a line.
fn function(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    while let Some((word, more)) = rest.split_once(' ') {
        if word == "fn" {
            let end = more.find(|one: char| !one.is_alphanumeric() && one != '_')?;
            return Some(&more[..end]);
        }
        let prefix = word.starts_with("pub")
            || matches!(word, "const" | "unsafe" | "extern" | "async" | "\"C\"");
        if !prefix {
            return None;
        }
        rest = more;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::within;

    const SOURCE: &str = "\
fn outer() {
    let f = |x: u8| {
        x + 1
    };
    fn inner() {
        panic!();
    }
    inner();
}

pub(crate) fn other() -> u8 { 3 }

impl X {
    pub const fn method<T>(
        &self,
    ) -> u8 {
        self.0
    }
}
";

    /// The function around a line is the one that is indented less.
    #[test]
    fn functions_are_found() {
        assert_eq!(within(SOURCE, 3), ("outer", "x + 1"));
        assert_eq!(within(SOURCE, 6), ("inner", "panic!();"));
        assert_eq!(within(SOURCE, 8), ("outer", "inner();"));
        assert_eq!(within(SOURCE, 17), ("method", "self.0"));
    }

    /// A line outside of functions, or beyond the end, is in none.
    #[test]
    fn lines_elsewhere_are_in_none() {
        assert_eq!(within(SOURCE, 13), ("", "impl X {"));
        assert_eq!(within(SOURCE, 99), ("", ""));
        assert_eq!(within(SOURCE, 0), ("", ""));
    }
}
