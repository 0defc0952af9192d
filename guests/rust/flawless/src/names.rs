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
