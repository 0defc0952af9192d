//! The two exports: run a workflow, describe the module.

mod call;
#[cfg(any(target_family = "wasm", test))]
mod describe;
mod registry;

use std::error::Error as StdError;
use std::panic::Location;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{EngineError, Error, Failure, Kind};
use crate::future::Ending;
use crate::{continuation, host, value};

pub use call::Call;
#[cfg(target_family = "wasm")]
pub(crate) use describe::describe;
pub use registry::{Module, Registration, full_name};

const PROTOCOL: u64 = 1;

/// How a workflow ended.
#[doc(hidden)]
pub enum Outcome {
    Value(String),
    Failed(Value, bool),
    Again(String),
}

impl Outcome {
    /// The end of a workflow whose arguments do not fit.
    #[must_use]
    pub fn unfit(error: Error, at: &'static Location<'static>) -> Self {
        failed(error.into(), "flawless::Error", at)
    }

    /// Makes the compiler say so where a workflow returns what cannot travel.
    pub fn of<T: Serialize + DeserializeOwned>() {}
}

/// Wraps what a workflow returned, so that results and plain values go different ways.
#[doc(hidden)]
pub struct Returned<T>(pub T);

impl<T: Serialize, E: Into<Box<dyn StdError>>> Returned<Result<T, E>> {
    #[doc(hidden)]
    pub fn outcome(self, at: &'static Location<'static>) -> Outcome {
        match self.0 {
            Ok(value) => returned(&value, at),
            Err(error) => failed(error.into(), std::any::type_name::<E>(), at),
        }
    }
}

#[doc(hidden)]
pub trait Plain {
    fn outcome(self, at: &'static Location<'static>) -> Outcome;
}

impl<T: Serialize> Plain for Returned<T> {
    fn outcome(self, at: &'static Location<'static>) -> Outcome {
        returned(&self.0, at)
    }
}

fn returned<T: Serialize>(value: &T, at: &'static Location<'static>) -> Outcome {
    match value::encode(value, "the result", at) {
        Ok(text) => Outcome::Value(text),
        Err(error) => failed(error.into(), "flawless::Error", at),
    }
}

/// The failure of a workflow: what it says, and where it comes from.
#[doc(hidden)]
#[must_use]
pub fn failed(
    error: Box<dyn StdError>,
    name: &'static str,
    at: &'static Location<'static>,
) -> Outcome {
    let mut place = at;
    let mut own: Option<&Error> = None;
    let mut name = name;
    if let Some(wrapped) = error.downcast_ref::<Given>() {
        place = wrapped.at;
        name = wrapped.name;
    }
    let mut next: Option<&(dyn StdError + 'static)> = Some(&*error);
    while let Some(one) = next {
        if let Some(found) = one.downcast_ref::<Error>() {
            own = Some(found);
            break;
        }
        next = one.source();
    }
    match own.map(Error::kind) {
        Some(Kind::ContinueAsNew) => {
            if let Some(call) = continuation::take() {
                return Outcome::Again(call);
            }
        }
        Some(Kind::Cancelled) => {
            let own = own.expect("it was found");
            return Outcome::Failed(object(own.told(), own.at()), true);
        }
        _ => {}
    }
    let told = match own {
        Some(own) if error.to_string() == own.to_string() => {
            if std::ptr::eq(place, at) {
                place = own.at();
            }
            own.told().clone()
        }
        _ => named(name, error.to_string()),
    };
    Outcome::Failed(object(&told, place), false)
}

/// An error of the user's: its type's last name, and the module before it.
fn named(name: &str, message: String) -> EngineError {
    let bare = name.split('<').next().unwrap_or(name);
    let (module, kind) = bare.rsplit_once("::").unwrap_or(("", bare));
    EngineError {
        kind: kind.into(),
        module: module.into(),
        message,
        ..EngineError::default()
    }
}

/// An error as the protocol wants it.
fn object(told: &EngineError, at: &Location<'_>) -> Value {
    let function = host::session(|one| one.workflow);
    let mut traceback = format!(
        "{}: {}\n  at {}:{}:{} in {function}\n",
        told.kind,
        told.message,
        at.file(),
        at.line(),
        at.column()
    );
    if !told.traceback.is_empty() {
        traceback = format!("{}\n\n{traceback}", told.traceback.trim_end());
    }
    let mut error = json!({
        "type": told.kind,
        "module": told.module,
        "message": told.message,
        "traceback": traceback,
        "frames": [{"file": at.file(), "line": at.line(), "function": function, "text": ""}],
    });
    if !told.fields.is_empty() {
        error["fields"] = Value::Object(told.fields.clone());
    }
    error
}

/// A [`Failure`] on its way out.
#[derive(Debug)]
struct Given {
    error: Box<dyn StdError>,
    name: &'static str,
    at: &'static Location<'static>,
}

impl std::fmt::Display for Given {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(out)
    }
}

impl StdError for Given {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.error)
    }
}

impl From<Failure> for Box<dyn StdError> {
    fn from(failure: Failure) -> Self {
        let (error, name, at) = failure.into_parts();
        Box::new(Given { error, name, at })
    }
}

#[derive(Deserialize)]
struct Input {
    protocol: u64,
    execution: String,
    workflow: String,
    args: Call,
    now: i64,
    #[serde(default = "first_run")]
    run: u64,
}

fn first_run() -> u64 {
    1
}

/// The export of that name: runs one workflow to its end.
#[track_caller]
pub(crate) fn run(input: &str) -> String {
    install_panic_hook();
    let given: Input = match serde_json::from_str(input) {
        Ok(given) => given,
        Err(error) => return refused("UsageError", &format!("the engine's input: {error}")),
    };
    if given.protocol != PROTOCOL {
        return refused(
            "UsageError",
            &format!(
                "the engine speaks protocol {}, this guest speaks {PROTOCOL}: use an engine that \
                 is not older than the deployment",
                given.protocol
            ),
        );
    }
    let Some(found) = registry::find(&given.workflow) else {
        return refused(
            "WorkflowNotFound",
            &format!("there is no workflow {:?}", given.workflow),
        );
    };
    host::session(|one| {
        one.execution = given.execution;
        one.run = given.run;
        one.workflow = found.function;
        one.now_us = given.now;
        one.active = true;
    });
    let outcome = (found.run)(&given.args);
    finish(outcome)
}

/// Waits for what must not outlive the workflow, and writes the output.
fn finish(outcome: Outcome) -> String {
    let settled = match &outcome {
        Outcome::Failed(..) => settle_children().or(Ok(())),
        _ => settle(),
    };
    if let Err(error) = settled {
        return write(&failed(error.into(), "flawless::Error", Location::caller()));
    }
    write(&outcome)
}

fn write(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value(value) => format!(r#"{{"ok":{value}}}"#),
        Outcome::Again(call) => format!(r#"{{"continue":{call}}}"#),
        Outcome::Failed(error, true) => format!(r#"{{"error":{error},"cancelled":true}}"#),
        Outcome::Failed(error, false) => format!(r#"{{"error":{error}}}"#),
    }
}

/// Waits for the started effects that nobody has waited for; timers and messages are dropped.
fn settle() -> Result<(), Error> {
    let pending: Vec<(u64, Ending)> = host::session(|one| {
        one.pending
            .iter()
            .map(|(id, pending)| (*id, pending.ending))
            .collect()
    });
    for (effect, ending) in pending {
        match ending {
            Ending::Dropped => host::drop_effect(effect, Location::caller()),
            Ending::Left => {
                host::session(|one| one.pending.remove(&effect));
            }
            Ending::Awaited | Ending::Child => {}
        }
    }
    while host::session(|one| !one.pending.is_empty()) {
        host::wait(None, Location::caller())?;
    }
    Ok(())
}

/// Waits for the children whose end the workflow's own must not precede, even after an error.
fn settle_children() -> Result<(), Error> {
    while host::session(|one| {
        one.pending
            .values()
            .any(|pending| pending.ending == Ending::Child)
    }) {
        host::wait(None, Location::caller())?;
    }
    Ok(())
}

fn refused(kind: &str, message: &str) -> String {
    json!({"error": {"type": kind, "module": "flawless", "message": message, "traceback": "", "frames": []}})
        .to_string()
}

fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let message = info
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_string())
            .or_else(|| info.payload().downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".into());
        let told = EngineError {
            kind: "Panic".into(),
            module: "std".into(),
            message,
            ..EngineError::default()
        };
        let error = match info.location() {
            Some(at) => object(&told, at),
            None => object(&told, Location::caller()),
        };
        end(&write(&Outcome::Failed(error, false)));
    }));
}

#[cfg(target_family = "wasm")]
fn end(output: &str) {
    crate::abi::finish(output);
}

#[cfg(not(target_family = "wasm"))]
fn end(output: &str) {
    eprintln!("{output}");
}
