//! The one door to the engine: requests out, responses in, and what the guest knows of itself.
//!
//! Requests are written as text, byte for byte as the Python guest writes them for the same
//! effect. `docs/reference/protocol.md` lists requests and responses.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{EngineError, Error};
use crate::future::{Ending, Pending, Slot};
use crate::source;
pub(crate) use crate::value::number;
use crate::workflow::Fits;

/// What the guest knows about its execution. There is one execution in the life of a guest.
#[derive(Default)]
pub(crate) struct Session {
    pub execution: String,
    /// Which run of the execution this is: `continue_as_new` begins the next one.
    pub run: u64,
    pub workflow: &'static str,
    /// File, line and name of the workflow.
    pub entry: Option<(&'static str, u32, &'static str)>,
    /// Reads arguments for another run of it, and says why they do not fit.
    pub fits: Option<Fits>,
    /// The reason of the cancellation, once the engine has told of it.
    pub cancelled: Option<String>,
    /// The time that the engine told last, in microseconds since the epoch.
    pub now_us: i64,
    /// Whether a workflow runs: only then are effects allowed.
    pub active: bool,
    /// Whether this run has responded to whoever started it.
    pub responded: bool,
    /// The number of the last effect.
    pub effects: u64,
    /// Started effects whose outcome has not come.
    pub pending: BTreeMap<u64, Pending>,
    /// Effects that failed and at whose outcome nobody has looked, the first ones, in the order in
    /// which they failed: number, label and what they failed with.
    pub unseen: Vec<(u64, Rc<str>, String)>,
    /// The error that was made last.
    pub last_error: Option<Error>,
}

const UNSEEN_MAX: usize = 100;

/// What answers requests where there is no engine.
#[cfg(not(target_family = "wasm"))]
pub(crate) type Answering = Box<dyn Fn(&str) -> String>;

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    static CALL: RefCell<Option<Answering>> = const { RefCell::new(None) };
}

/// Looks at, or changes, what the guest knows. Nothing that calls the engine may happen inside.
pub(crate) fn session<T>(look: impl FnOnce(&mut Session) -> T) -> T {
    SESSION.with_borrow_mut(look)
}

/// The error that was made last, for those that cannot be looked into.
pub(crate) fn last_error() -> Option<Error> {
    session(|one| one.last_error.clone())
}

/// The response to a request, with the fields that any of them may have.
#[derive(Deserialize)]
pub(crate) struct Response {
    #[serde(default)]
    pub now: Option<i64>,
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub ok: Option<Box<RawValue>>,
    #[serde(default)]
    pub error: Option<Box<EngineError>>,
    #[serde(default)]
    pub cancel: Option<String>,
    #[serde(default, rename = "where")]
    where_: bool,
}

impl Response {
    /// The value, which is null where the response has none.
    pub fn value(self) -> Result<String, Box<EngineError>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self
                .ok
                .map_or_else(|| "null".into(), |raw| raw.get().into())),
        }
    }
}

/// A place in the user's code.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub file: &'a str,
    pub line: u32,
}

impl<'a> From<&'a Location<'a>> for Place<'a> {
    fn from(at: &'a Location<'a>) -> Self {
        Self {
            file: at.file(),
            line: at.line(),
        }
    }
}

/// Sends a request; `at` is where in the user's code it comes from.
pub(crate) fn request<'a>(text: &str, at: impl Into<Place<'a>>) -> Response {
    let at = at.into();
    let mut answer = call(text);
    loop {
        let response: Response = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("the engine's response is no answer: {error}"));
        if !response.where_ {
            if let Some(now) = response.now {
                session(|one| one.now_us = now);
            }
            return response;
        }
        answer = call(&standing(at));
    }
}

/// The request that tells where the workflow stands.
fn standing(at: Place) -> String {
    let (entry, workflow) = session(|one| (one.entry, one.workflow));
    let (file, line, name) = match entry {
        // The crate asks for something by itself when the workflow has returned.
        Some(entry) if at.file.starts_with(own_folder()) => entry,
        _ => (at.file, at.line, workflow),
    };
    let (around, text) = source::around(file, line);
    format!(
        r#"{{"op":"where","frames":[{{"file":{},"line":{line},"function":{},"text":{}}}]}}"#,
        quoted(file),
        quoted(if around.is_empty() { name } else { around }),
        quoted(text),
    )
}

/// Where this crate's files are, as the compiler names them.
fn own_folder() -> &'static str {
    file!().trim_end_matches("host.rs")
}

/// Performs an effect and returns the JSON of its value.
pub(crate) fn perform(
    op: &str,
    body: &str,
    at: &'static Location<'static>,
) -> Result<String, Error> {
    let effect = next_effect(op, at)?;
    let response = request(&format!(r#"{{"op":"{op}","id":{effect},{body}}}"#), at);
    if let Some(reason) = response.cancel {
        return Err(told(reason, at));
    }
    response.value().map_err(|error| error.into_error(at))
}

/// Starts an effect whose outcome comes later; returns its number and where the outcome will be.
pub(crate) fn begin(
    op: &str,
    body: &str,
    label: &Rc<str>,
    ending: Ending,
    at: &'static Location<'static>,
) -> Result<(u64, Rc<RefCell<Slot>>), Error> {
    let effect = next_effect(op, at)?;
    request(
        &format!(r#"{{"op":"{op}","id":{effect},{body},"start":true}}"#),
        at,
    );
    let slot = Rc::new(RefCell::new(Slot::Pending));
    let pending = Pending {
        ending,
        slot: Rc::clone(&slot),
        label: Rc::clone(label),
        watchers: Vec::new(),
    };
    session(|one| one.pending.insert(effect, pending));
    Ok((effect, slot))
}

/// Makes a request that is no effect to wait for.
pub(crate) fn tell(op: &str, body: &str, at: &'static Location<'static>) -> Result<String, Error> {
    active(op, at)?;
    request(&format!(r#"{{"op":"{op}",{body}}}"#), at)
        .value()
        .map_err(|error| error.into_error(at))
}

/// Waits for the next outcome of a started effect; false when the time `until_us` came first.
pub(crate) fn wait(until_us: Option<i64>, at: &'static Location<'static>) -> Result<bool, Error> {
    let until = until_us.map_or_else(|| "null".into(), |time| time.to_string());
    let response = request(
        &format!(r#"{{"op":"next","until":{until},"poll":false}}"#),
        at,
    );
    if let Some(reason) = response.cancel {
        return Err(told(reason, at));
    }
    let Some(effect) = response.id else {
        return Ok(false);
    };
    if let Some(ended) = session(|one| one.pending.remove(&effect)) {
        settle(effect, &ended, response.value());
    }
    Ok(true)
}

fn settle(effect: u64, ended: &Pending, outcome: Result<String, Box<EngineError>>) {
    *ended.slot.borrow_mut() = match outcome {
        Ok(value) => Slot::Done(value),
        Err(error) => {
            let what = format!("{}: {}", error.kind, error.message);
            session(|one| {
                if one.unseen.len() < UNSEEN_MAX {
                    one.unseen.push((effect, Rc::clone(&ended.label), what));
                }
            });
            Slot::Failed(error)
        }
    };
    for watch in &ended.watchers {
        watch.borrow_mut().push_back(effect);
    }
}

/// Notes that somebody has looked at the failure of an effect.
pub(crate) fn seen(effect: u64) {
    session(|one| one.unseen.retain(|(other, ..)| *other != effect));
}

/// Tells the engine that nobody will look at the outcome of a started effect.
pub(crate) fn drop_effect(effect: u64, at: &'static Location<'static>) {
    if session(|one| one.pending.remove(&effect)).is_some() {
        request(&format!(r#"{{"op":"drop","id":{effect}}}"#), at);
    }
}

/// Sends a log message, if a workflow runs.
pub(crate) fn log(level: i32, logger: &str, message: &str, at: Place<'_>) {
    if session(|one| one.active) {
        let (logger, message) = (quoted(logger), quoted(message));
        request(
            &format!(r#"{{"op":"log","level":{level},"logger":{logger},"message":{message}}}"#),
            at,
        );
    }
}

/// Looks at the clock: microseconds since the epoch.
pub(crate) fn clock(at: &'static Location<'static>) -> i64 {
    if session(|one| one.active) {
        request(r#"{"op":"clock"}"#, at);
    }
    session(|one| one.now_us)
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("any text is JSON")
}

/// A length of time in seconds, as Python writes the float that is closest to it.
pub(crate) fn seconds(length: Duration) -> String {
    let exact = format!("{}.{:09}", length.as_secs(), length.subsec_nanos());
    number(exact.parse::<f64>().expect("these are digits"))
}

fn told(reason: String, at: &'static Location<'static>) -> Error {
    session(|one| one.cancelled = Some(reason.clone()));
    Error::cancelled(reason, at)
}

fn next_effect(op: &str, at: &'static Location<'static>) -> Result<u64, Error> {
    active(op, at)?;
    Ok(session(|one| {
        one.effects += 1;
        one.effects
    }))
}

fn active(op: &str, at: &'static Location<'static>) -> Result<(), Error> {
    if session(|one| one.active) {
        return Ok(());
    }
    Err(Error::usage(
        format!("an effect ({op}) was used outside of a workflow"),
        at,
    ))
}

#[cfg(target_family = "wasm")]
fn call(text: &str) -> String {
    crate::abi::call(text)
}

/// Without an engine, what a test has put in its place answers.
#[cfg(not(target_family = "wasm"))]
fn call(text: &str) -> String {
    CALL.with_borrow(|call| match call {
        Some(call) => call(text),
        None => panic!("there is no engine here: see flawless::testing"),
    })
}

/// Puts something in the engine's place, for tests outside of a guest.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn answer_with(call: Option<Answering>) {
    CALL.set(call);
}
