//! The two exports: run a workflow, describe the module.

use std::error::Error as StdError;
use std::panic::Location;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::{EngineError, Error, Failure, Kind};
use crate::future::Ending;
use crate::{continuation, host, value};

const PROTOCOL: u64 = 1;

/// A workflow, as `#[workflow]` registers it.
#[doc(hidden)]
pub struct Registration {
    pub function: &'static str,
    pub name: Option<&'static str>,
    pub module: &'static str,
    pub version: &'static str,
    pub doc: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub source: &'static str,
    pub signature: fn() -> Value,
    pub run: fn(&Call) -> Outcome,
}

inventory::collect!(Registration);

/// What `module!` says.
#[doc(hidden)]
pub struct Module {
    pub name: &'static str,
    pub version: &'static str,
}

inventory::collect!(Module);

impl Registration {
    fn full_name(&self) -> String {
        full_name(self.name, self.module, self.function)
    }

    fn module_name(&self) -> &'static str {
        module().map_or(self.module, |one| one.name)
    }
}

/// The name by which a workflow is started: its own, or that of its function in its module.
#[doc(hidden)]
#[must_use]
pub fn full_name(name: Option<&str>, module_: &str, function: &str) -> String {
    match name {
        Some(name) => name.into(),
        None => format!("{}.{function}", module().map_or(module_, |one| one.name)),
    }
}

fn module() -> Option<&'static Module> {
    inventory::iter::<Module>().next()
}

/// The arguments of a run.
#[doc(hidden)]
#[derive(Deserialize)]
pub struct Call {
    a: Vec<Box<RawValue>>,
    k: serde_json::Map<String, Value>,
}

impl Call {
    /// Reads the argument at this place, or of this name; one that is missing is null.
    #[doc(hidden)]
    pub fn argument<T: serde::de::DeserializeOwned>(
        &self,
        index: usize,
        name: &str,
        at: &'static Location<'static>,
    ) -> Result<T, Error> {
        if let Some(raw) = self.a.get(index) {
            return value::decode(raw.get(), name, at);
        }
        let given = self.k.get(name);
        let text = given.map_or_else(|| "null".into(), Value::to_string);
        value::decode(&text, name, at).map_err(|error| match given {
            Some(_) => error,
            None => Error::own(
                Kind::InputInvalid,
                "InputInvalid",
                format!("the argument {name} is missing"),
                at,
            ),
        })
    }
}

/// How a workflow ended.
#[doc(hidden)]
pub enum Outcome {
    Value(String),
    Failed(Value, bool),
    Again(String),
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
    let Some(found) =
        inventory::iter::<Registration>().find(|one| one.full_name() == given.workflow)
    else {
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

/// The export of that name: tells what the module holds.
pub(crate) fn describe(input: &str) -> String {
    install_panic_hook();
    let _ = input;
    let mut found: Vec<&Registration> = inventory::iter::<Registration>().collect();
    found.sort_by_key(|one| (one.file, one.line));
    let mut names: Vec<String> = found.iter().map(|one| one.full_name()).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return refused(
            "DeploymentInvalid",
            &format!(
                "two workflows are named {:?}: give one of them another name with \
                 #[workflow(name = \"...\")]",
                twice[0]
            ),
        );
    }
    let Some(first) = found.first() else {
        return json!({"ok": {"workflows": [], "language": "rust"}}).to_string();
    };
    let (name, version) =
        module().map_or((first.module, first.version), |one| (one.name, one.version));
    let mut modules: Vec<Value> = Vec::new();
    for one in &found {
        if !one.source.is_empty() && modules.iter().all(|known| known["file"] != one.file) {
            let stem = one
                .file
                .rsplit('/')
                .next()
                .unwrap_or("")
                .trim_end_matches(".rs");
            let place = if stem == "lib" {
                name.into()
            } else {
                format!("{name}.{stem}")
            };
            modules.push(json!({"name": place, "file": one.file, "source": one.source}));
        }
    }
    let workflows: Vec<Value> = found.iter().map(|one| described(one)).collect();
    json!({"ok": {
        "module": name,
        "version": version,
        "language": "rust",
        "workflows": workflows,
        "modules": modules,
    }})
    .to_string()
}

fn described(one: &Registration) -> Value {
    let mut shown = json!({
        "name": one.full_name(),
        "module": one.module_name(),
        "function": one.function,
        "doc": one.doc,
        "file": one.file,
        "line": one.line,
    });
    if let (Some(shown), Value::Object(signature)) = (shown.as_object_mut(), (one.signature)()) {
        shown.extend(signature);
    }
    shown
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
