//! How the failure of a workflow is told: the error object of the protocol.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::panic::Location;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{EngineError, Error, Kind};
use crate::failure::{self, Failure, Given};
use crate::workflow::Outcome;
use crate::{continuation, host, kinds, source};

const CHARS_MAX: usize = 100_000;
const CAUSES_MAX: usize = 20;

/// How a workflow ends that has given an error; `name` is that of the error's type.
pub(crate) fn failed(error: &(dyn StdError + 'static), name: &'static str) -> Outcome {
    let (error, name, at) = match error.downcast_ref::<Given>() {
        Some(given) => (&*given.error, given.name, given.at),
        None => (error, name, None),
    };
    let own = effect_error(error);
    match own.as_ref().map(Error::kind) {
        Some(Kind::ContinueAsNew) => {
            if let Some(call) = continuation::take() {
                return Outcome::Again(call);
            }
        }
        Some(Kind::Cancelled) => {
            let own = own.expect("it was found");
            let told = own.told().clone();
            let places = places(at, Some(&own));
            return Outcome::Failed(Account { told, places }.object(), true);
        }
        _ => {}
    }
    Outcome::Failed(Account::of(error, name, at, own).object(), false)
}

/// How a workflow ends because of what is not of its own doing: its arguments, its result, or a
/// cancellation after its end.
pub(crate) fn outside(error: &Error) -> Outcome {
    let told = error.told().clone();
    let places = places(None, None);
    let cancelled = error.kind() == Kind::Cancelled;
    Outcome::Failed(Account { told, places }.object(), cancelled)
}

/// The error of an effect that is given, or is the cause of what is given.
///
/// Some errors hide what they wrap. The last error of an effect is found by what it says.
fn effect_error(error: &(dyn StdError + 'static)) -> Option<Error> {
    failure::find(error).cloned().or_else(|| {
        let text = error.to_string();
        host::last_error().filter(|last| last.to_string() == text)
    })
}

/// What a failure says with all that led to it, for the failure that follows from it.
pub(crate) fn story(failure: &Failure) -> String {
    let own = failure.effect_error().cloned();
    Account::of(failure.error(), failure.name(), failure.at(), own).traceback()
}

/// What a panic is told as; nothing is asked of the engine meanwhile.
pub(crate) fn panicked(message: &str, at: &Location<'_>) -> String {
    let told = EngineError {
        kind: "Panic".into(),
        module: "std".into(),
        message: cut(message),
        ..EngineError::default()
    };
    let places = vec![Place::of(at)];
    Account { told, places }.object()
}

/// An error of the crate's own, before or beside the workflow.
pub(crate) fn plain(kind: &str, message: &str) -> String {
    let told = EngineError {
        kind: kind.into(),
        module: "flawless".into(),
        message: message.into(),
        ..EngineError::default()
    };
    let places = Vec::new();
    Account { told, places }.object()
}

/// What went wrong, and where: the outermost place first.
struct Account<'a> {
    told: EngineError,
    places: Vec<Place<'a>>,
}

struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    function: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Shown<'a> {
    r#type: &'a str,
    module: &'a str,
    message: &'a str,
    traceback: &'a str,
    frames: Vec<Frame<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Frame<'a> {
    file: &'a str,
    line: u32,
    function: &'a str,
    text: &'a str,
}

impl Account<'static> {
    fn of(
        error: &(dyn StdError + 'static),
        name: &str,
        at: Option<&'static Location<'static>>,
        own: Option<Error>,
    ) -> Self {
        let text = error.to_string();
        let places = places(at, own.as_ref());
        let told = match own {
            Some(own) if text == own.to_string() => own.told().clone(),
            own => {
                let (module, kind) = kinds::named(error, name);
                EngineError {
                    kind,
                    module,
                    traceback: causes(error, own.as_ref()),
                    message: text,
                    ..EngineError::default()
                }
            }
        };
        Self { told, places }
    }
}

/// Where the failure was given up, and where the effect was asked for whose error it is; if neither
/// is known, the workflow.
fn places(at: Option<&'static Location<'static>>, own: Option<&Error>) -> Vec<Place<'static>> {
    let mut places: Vec<Place<'static>> = at.map(Place::of).into_iter().collect();
    if let Some(asked) = own.and_then(|own| failure::place(own.at())) {
        let asked = Place::of(asked);
        // Of an expression of several lines, only the one that asked matters.
        places.retain(|place| !place.is_with(&asked));
        places.push(asked);
    }
    if places.is_empty()
        && let Some((file, line, function)) = host::session(|one| one.entry)
    {
        places.push(Place {
            file,
            line,
            column: 1,
            function,
            text: "",
        });
    }
    places
}

/// What the causes of an error say, the first one first.
fn causes(error: &(dyn StdError + 'static), own: Option<&Error>) -> String {
    let mut lines = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(one) = next
        && lines.len() < CAUSES_MAX
    {
        let text = one.to_string();
        if text != said {
            lines.push(text.clone());
            said = text;
        }
        next = one.source();
    }
    let mut causes = own.map_or(String::new(), |own| own.told().traceback.trim_end().into());
    for line in lines.iter().rev() {
        if !causes.is_empty() {
            causes.push_str("\n\n");
        }
        write!(causes, "{line}\n\nThat was the cause of:").expect("it is a text");
    }
    causes
}

impl<'a> Place<'a> {
    /// Whether it is on the same line, or known to be in the same function.
    fn is_with(&self, other: &Self) -> bool {
        let same = self.line == other.line
            || (self.function == other.function && !self.function.is_empty());
        same && self.file == other.file
    }

    fn of(at: &'a Location<'a>) -> Self {
        let (function, text) = source::around(at.file(), at.line());
        Self {
            file: at.file(),
            line: at.line(),
            column: at.column(),
            function,
            text,
        }
    }
}

impl Account<'_> {
    fn traceback(&self) -> String {
        let told = &self.told;
        let mut out = String::new();
        if !told.traceback.is_empty() {
            out.push_str(told.traceback.trim_end());
            out.push_str("\n\n");
        }
        out.push_str(&told.kind);
        if !told.message.is_empty() {
            out.push_str(": ");
            out.push_str(&told.message);
        }
        for place in &self.places {
            let (file, line, column) = (place.file, place.line, place.column);
            write!(out, "\n  at {file}:{line}:{column}").expect("it is a text");
            if !place.function.is_empty() {
                write!(out, " in {}", place.function).expect("it is a text");
            }
            if !place.text.is_empty() {
                write!(out, "\n    {}", place.text).expect("it is a text");
            }
        }
        out.push('\n');
        cut(&out)
    }

    /// The error object.
    fn object(&self) -> String {
        let told = &self.told;
        let frames = self.places.iter().map(|place| Frame {
            file: place.file,
            line: place.line,
            function: place.function,
            text: place.text,
        });
        let shown = Shown {
            r#type: &told.kind,
            module: kinds::python_module(told),
            message: &cut(&told.message),
            traceback: &self.traceback(),
            frames: frames.collect(),
            value: told.value.as_deref(),
            fields: &told.fields,
        };
        serde_json::to_string(&shown).expect("an error is JSON")
    }
}

fn cut(text: &str) -> String {
    if text.len() <= CHARS_MAX {
        return text.into();
    }
    let is_end = |place: &usize| text.is_char_boundary(*place);
    let half = CHARS_MAX / 2;
    let first = (0..=half).rev().find(is_end).unwrap_or(0);
    let last = (text.len() - half..text.len())
        .find(is_end)
        .unwrap_or(text.len());
    let (begin, end) = (&text[..first], &text[last..]);
    format!("{begin}\n... {} bytes left out ...\n{end}", last - first)
}

#[cfg(test)]
mod tests {
    use super::{CHARS_MAX, cut};

    /// A text that is too long loses its middle, never a part of a character.
    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("short"), "short");
        for text in ["x".repeat(2 * CHARS_MAX), "\u{20ac}".repeat(CHARS_MAX)] {
            let shown = cut(&text);
            assert!(shown.len() <= CHARS_MAX + 100);
            assert!(shown.contains(" bytes left out "));
            assert!(shown.ends_with(text.chars().last().expect("it is not empty")));
        }
    }
}
