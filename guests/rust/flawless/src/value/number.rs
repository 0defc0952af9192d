//! Floats as Python writes them.

use std::fmt::{Debug, Write as _};

/// A finite float as Python's `repr` writes it: `5.0`, `1e+16`, `1e-05`, `-0.0`.
///
/// Both languages write the fewest digits that give the same number again, and both begin with
/// exponents at 1e16 and below 1e-4; the exponent itself looks different.
pub(crate) fn shown<T: Debug>(value: T) -> String {
    let text = format!("{value:?}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    let mut shown = String::from(digits);
    write!(shown, "e{sign}{exponent:0>2}").expect("strings take what is written to them");
    shown
}
