//! The two exports: run a workflow, describe the module.

mod call;
#[cfg(any(target_family = "wasm", test))]
mod describe;
mod registry;

use std::error::Error as StdError;
use std::io::Write as _;
use std::panic::Location;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::report::failed;
use crate::{ending, host, logging, panics, report, value};

pub use call::Call;
#[cfg(target_family = "wasm")]
pub(crate) use describe::describe;
pub(crate) use registry::{Fits, source};
pub use registry::{
    Message, Module, Otherwise, Parameter, Registration, Required, Typed, full_name,
};

const PROTOCOL: u64 = 1;

/// How a workflow ended.
#[doc(hidden)]
pub enum Outcome {
    Value(String),
    Failed(String, bool),
    Again(String),
}

impl Outcome {
    /// The end of a workflow whose arguments do not fit.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "nobody needs it any more")]
    pub fn unfit(error: Error, _: &'static Location<'static>) -> Self {
        report::outside(&error)
    }

    fn written(self) -> String {
        match self {
            Self::Value(value) => format!(r#"{{"ok":{value}}}"#),
            Self::Again(call) => format!(r#"{{"continue":{call}}}"#),
            Self::Failed(error, true) => format!(r#"{{"error":{error},"cancelled":true}}"#),
            Self::Failed(error, false) => format!(r#"{{"error":{error}}}"#),
        }
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
            Err(error) => failed(&*error.into(), std::any::type_name::<E>()),
        }
    }
}

/// For errors in a box that may be sent, which the standard library does not turn into others.
#[doc(hidden)]
pub trait Boxed {
    fn outcome(self, at: &'static Location<'static>) -> Outcome;
}

impl<T: Serialize> Boxed for Returned<Result<T, Box<dyn StdError + Send + Sync>>> {
    fn outcome(self, at: &'static Location<'static>) -> Outcome {
        Returned(self.0.map_err(|error| -> Box<dyn StdError> { error })).outcome(at)
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
        Err(error) => report::outside(&error),
    }
}

#[derive(Deserialize)]
struct Input {
    execution: String,
    workflow: String,
    args: Call,
    now: i64,
    #[serde(default = "first_run")]
    run: u64,
}

#[derive(Deserialize)]
struct Spoken {
    protocol: u64,
}

fn first_run() -> u64 {
    1
}

/// The export of that name: runs one workflow to its end.
#[track_caller]
pub(crate) fn run(input: &str) -> String {
    panics::install();
    let given: Input = match understood(input) {
        Ok(given) => given,
        Err(problem) => return refused("UsageError", &problem),
    };
    let Some(found) = registry::find(&given.workflow) else {
        let known = registry::names().join(", ");
        let name = &given.workflow;
        let message = format!("no workflow is named '{name}'; known workflows: {known}");
        return refused("WorkflowNotFound", &message);
    };
    host::session(|one| {
        one.execution = given.execution;
        one.run = given.run;
        one.workflow = found.function;
        one.entry = Some((found.file, found.line, found.function));
        one.fits = Some(found.fits);
        one.now_us = given.now;
        one.active = true;
    });
    logging::install();
    let outcome = (found.run)(&given.args);
    finish(outcome)
}

/// Reads what the engine gives an export, or says what is wrong with it.
fn understood<T: DeserializeOwned>(input: &str) -> Result<T, String> {
    let unread = |error| format!("the engine's input: {error}");
    let Spoken { protocol } = serde_json::from_str(input).map_err(unread)?;
    if protocol != PROTOCOL {
        return Err(format!(
            "the engine speaks protocol {protocol}, this guest speaks {PROTOCOL}: use an engine \
             that is not older than the deployment"
        ));
    }
    serde_json::from_str(input).map_err(unread)
}

/// Waits for what must not outlive the workflow, and writes the output.
fn finish(outcome: Outcome) -> String {
    let outcome = if let Outcome::Failed(..) = outcome {
        // Of a cancellation meanwhile nobody needs to know: the children are not waited for then.
        ending::settle_children().ok();
        outcome
    } else {
        match ending::settle() {
            Ok(()) => {
                ending::tell_unseen();
                outcome
            }
            Err(error) => report::outside(&error),
        }
    };
    // What was printed last may lack its line's end.
    std::io::stdout().flush().ok();
    outcome.written()
}

pub(crate) fn refused(kind: &str, message: &str) -> String {
    format!(r#"{{"error":{}}}"#, report::plain(kind, message))
}
