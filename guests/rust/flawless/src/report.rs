//! How the failure of a workflow is told: the error object of the protocol.

use std::error::Error as StdError;
use std::panic::Location;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{EngineError, Error, Kind};
use crate::failure::{self, Given, last_name};
use crate::host::Place;
use crate::workflow::Outcome;
use crate::{continuation, host, source};

const CHARS_MAX: usize = 100_000;

/// The failure of a workflow: what it says, and where it comes from.
#[doc(hidden)]
#[must_use]
pub fn failed(
    error: Box<dyn StdError>,
    name: &'static str,
    at: &'static Location<'static>,
) -> Outcome {
    let given = error.downcast_ref::<Given>();
    let name = given.map_or(name, |given| given.name);
    // Some errors hide what they wrap. The last error of an effect is found by what it says.
    let text = error.to_string();
    let hidden = host::last_error().filter(|last| last.to_string() == text);
    let own = failure::find(&*error).or(hidden.as_ref());
    match own.map(Error::kind) {
        Some(Kind::ContinueAsNew) => {
            if let Some(call) = continuation::take() {
                return Outcome::Again(call);
            }
        }
        Some(Kind::Cancelled) => {
            let own = own.expect("it was found");
            return Outcome::Failed(object(own.told(), &places(given, Some(own), at)), true);
        }
        _ => {}
    }
    let told = match own {
        Some(own) if text == own.to_string() => own.told().clone(),
        _ => named(name, text),
    };
    Outcome::Failed(object(&told, &places(given, own, at)), false)
}

/// Where the failure was given up, and where the effect was asked for whose error it is.
fn places(
    given: Option<&Given>,
    own: Option<&Error>,
    at: &'static Location<'static>,
) -> Vec<&'static Location<'static>> {
    let mut places: Vec<_> = given.map(|given| given.at).into_iter().collect();
    if let Some(own) = own
        && places
            .iter()
            .all(|place| place.line() != own.at().line() || place.file() != own.at().file())
    {
        places.push(own.at());
    }
    if places.is_empty() {
        places.push(at);
    }
    places
}

/// An error of the user's: its type's last name, and the module before it.
fn named(name: &str, message: String) -> EngineError {
    let bare = name.split('<').next().unwrap_or(name);
    EngineError {
        kind: last_name(name).into(),
        module: bare
            .rsplit_once("::")
            .map_or("", |(module, _)| module)
            .into(),
        message,
        ..EngineError::default()
    }
}

/// What a panic is told as; nothing is asked of the engine meanwhile.
pub(crate) fn panicked(message: String, at: &Location<'_>) -> String {
    let told = EngineError {
        kind: "Panic".into(),
        module: "std".into(),
        message,
        ..EngineError::default()
    };
    object(&told, &[at])
}

/// An error of the crate's own, before or beside the workflow.
pub(crate) fn plain(kind: &str, message: &str) -> String {
    let told = EngineError {
        kind: kind.into(),
        module: "flawless".into(),
        message: message.into(),
        ..EngineError::default()
    };
    object(&told, &[])
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

/// The error object: the places are the outermost one first.
fn object(told: &EngineError, places: &[&Location<'_>]) -> String {
    let message = cut(&told.message);
    let mut traceback = String::new();
    if !told.traceback.is_empty() {
        traceback = format!("{}\n\n", told.traceback.trim_end());
    }
    traceback.push_str(&told.kind);
    if !message.is_empty() {
        traceback.push_str(": ");
        traceback.push_str(&message);
    }
    traceback.push('\n');
    let mut frames = Vec::new();
    for place in places {
        let (function, text) = source::around(Place::from(*place));
        traceback.push_str(&format!("  at {place}"));
        if !function.is_empty() {
            traceback.push_str(&format!(" in {function}"));
        }
        traceback.push('\n');
        if !text.is_empty() {
            traceback.push_str(&format!("    {text}\n"));
        }
        frames.push(Frame {
            file: place.file(),
            line: place.line(),
            function,
            text,
        });
    }
    let shown = Shown {
        r#type: &told.kind,
        module: match (told.module.as_str(), told.kind.as_str()) {
            ("flawless", "HTTPStatusError") => "flawless.refusals",
            ("flawless", "TimeoutError") => "builtins",
            ("flawless", _) => "flawless.errors",
            (other, _) => other,
        },
        message: &message,
        traceback: &cut(&traceback),
        frames,
        value: told.value.as_deref(),
        fields: &told.fields,
    };
    serde_json::to_string(&shown).expect("an error is JSON")
}

fn cut(text: &str) -> String {
    if text.len() <= CHARS_MAX {
        return text.into();
    }
    let (first, last) = (
        text.floor_char_boundary(CHARS_MAX / 2),
        text.ceil_char_boundary(text.len() - CHARS_MAX / 2),
    );
    format!(
        "{}\n... {} bytes left out ...\n{}",
        &text[..first],
        last - first,
        &text[last..]
    )
}
