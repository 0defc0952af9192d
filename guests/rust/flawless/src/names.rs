//! Names of messages, and texts in errors.

use std::panic::Location;

use crate::error::{Error, Kind};

const CHARS_MAX: usize = 200;

/// Refuses the name of a message that nobody could send.
pub(crate) fn check(name: &str, at: &'static Location<'static>) -> Result<(), Error> {
    let chars = name.chars().count();
    let problem = if chars == 0 || chars > CHARS_MAX {
        format!("has 1 to {CHARS_MAX} characters, not {chars}")
    } else if !name.chars().all(printable) {
        format!("has printable characters only, unlike {name:?}")
    } else if name.starts_with(':') {
        format!("does not begin with a colon, as {name:?} does")
    } else {
        return Ok(());
    };
    let message = format!("a message's name {problem}");
    Err(Error::own(Kind::Usage, "UsageError", message, at))
}

fn printable(one: char) -> bool {
    one == ' ' || !(one.is_control() || one.is_whitespace())
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::check;

    /// Names that nobody could send are refused, with what is wrong.
    #[test]
    fn odd_names_are_refused() {
        let at = Location::caller();
        let long = "x".repeat(201);
        for (name, problem) in [
            ("", "1 to 200"),
            (long.as_str(), "1 to 200"),
            ("a\nb", "printable"),
            ("a\u{a0}b", "printable"),
            (":a", "colon"),
        ] {
            let error = check(name, at).expect_err(problem);
            assert!(error.message().contains(problem), "{error}");
        }
        for name in ["a", "a b", "\u{e4}:", &long[..200]] {
            check(name, at).expect("it is a name");
        }
    }
}
