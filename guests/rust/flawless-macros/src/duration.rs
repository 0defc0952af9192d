//! Lengths of time, as Flawless reads them elsewhere: `"1h30m"`.

use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, Lit, Result};

const LONGEST_S: f64 = 100.0 * 365.25 * 86_400.0;
const UNITS: [(&str, f64); 6] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
];

/// The seconds that a literal stands for: a text, or a number of seconds.
pub(crate) fn seconds(value: &Expr) -> Result<f64> {
    let found = match value {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => parsed(&text.value()),
            Lit::Int(number) => number.base10_parse().ok(),
            Lit::Float(number) => number.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    };
    let Some(seconds) = found else {
        return Err(Error::new(
            value.span(),
            r#"expected a length of time: "90s", "1h30m", "2d", or a number of seconds"#,
        ));
    };
    if seconds > LONGEST_S {
        return Err(Error::new(
            value.span(),
            "a deadline lasts at most 100 years",
        ));
    }
    Ok(seconds)
}

fn parsed(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split(rest, |one| one.is_ascii_digit() || one == '.');
        let (unit, after) = split(after.trim_start(), char::is_alphabetic);
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        if !number.starts_with(|one: char| one.is_ascii_digit()) || number.ends_with('.') {
            return None;
        }
        total += number.parse::<f64>().ok()? * length;
        rest = after.trim_start();
    }
    Some(total)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|one| !belongs(one)).unwrap_or(text.len());
    text.split_at(end)
}
