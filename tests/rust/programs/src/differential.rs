//! Carries out programs over all primitives: what `tests/differential/differential_workflows.py`
//! does in plain code, in Rust, with the same names, requests and digests.
//!
//! Every outcome goes into a digest, and the digest goes into what is asked next: what differs once
//! differs for ever after.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use flawless::serde_json::{Value, from_value, json};
use flawless::{
    Child, Error, Future, Kind, ParentClose, Result, as_completed, child, compensate,
    continue_as_new, execution_id, gather, gather_all, http, log, publish, rand, receive, respond,
    select, send, sleep, step, workflow,
};

use crate::errors::{LookupError, RuntimeError};
use crate::storm::time_ns;
use crate::untyped;

/// What is carried out.
#[flawless::value]
pub struct Program {
    /// Whether a Python workflow would be one of asyncio's.
    #[serde(rename = "async")]
    pub asynchronous: bool,
    /// What is done after a cancellation.
    #[serde(rename = "clean-up")]
    pub clean_up: Vec<Value>,
    /// Whether it ends as cancelled then.
    pub obeys: bool,
    /// What is done.
    pub operations: Vec<Value>,
    /// How many runs are left.
    pub runs: u32,
}

/// Carries out a program.
#[workflow(name = "differential_workflows.carry_out")]
pub fn carry_out(program: Program, parent: String, carried: String) -> Result<String> {
    let mut run = Run::new(parent, &carried);
    if let Err(failure) = run.carry_out(&program.operations) {
        let told = failure
            .effect_error()
            .filter(|one| one.kind() == Kind::Cancelled);
        let Some(told) = told else {
            return Err(failure);
        };
        run.note(&json!(["cancelled", told.message()]));
        run.carry_out(&program.clean_up)?;
        if program.obeys {
            return Err(failure);
        }
    }
    let digest = run.digest();
    if program.runs > 1 {
        let next = Program {
            runs: program.runs - 1,
            ..program
        };
        continue_as_new((next, run.parent, digest))
    } else {
        Ok(digest)
    }
}

/// Something under way.
struct Begun {
    future: Future<Value>,
    fetches: bool,
    receives: bool,
    is_child: bool,
}

impl Begun {
    fn plain<T>(future: &Future<T>) -> Self {
        Self {
            future: untyped(future),
            fetches: false,
            receives: false,
            is_child: false,
        }
    }

    fn handle(&self) -> Future<Value> {
        untyped(&self.future)
    }

    /// What can be noted of a value.
    fn shown(&self, value: Value) -> Value {
        if self.fetches {
            value["body"]["text"].clone()
        } else if self.receives {
            value["payload"].clone()
        } else {
            value
        }
    }
}

/// What has happened so far, in a few characters.
#[derive(Clone)]
struct Digest(Rc<Cell<u32>>);

impl Digest {
    /// Takes in the outcome of an operation.
    fn note(&self, values: &Value) {
        let mut crc = !self.0.get();
        for byte in values.to_string().bytes() {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
            }
        }
        self.0.set(!crc);
    }

    fn text(&self) -> String {
        format!("{:08x}", self.0.get())
    }
}

/// What one run of a program has seen and has under way.
struct Run {
    parent: String,
    started: Vec<Begun>,
    children: Vec<Child<Value>>,
    seen: Digest,
}

impl Run {
    fn new(parent: String, carried: &str) -> Self {
        let seen = Digest(Rc::new(Cell::new(0)));
        seen.note(&json!([carried]));
        Self {
            parent,
            started: Vec::new(),
            children: Vec::new(),
            seen,
        }
    }

    fn note(&self, values: &Value) {
        self.seen.note(values);
    }

    fn digest(&self) -> String {
        self.seen.text()
    }

    fn carry_out(&mut self, operations: &[Value]) -> Result<()> {
        for operation in operations {
            let given = operation.as_array().expect("an operation is a list");
            if let Err(failure) = self.operate(&text(&given[0]), &given[1..]) {
                let undone = failure.error().downcast_ref::<LookupError>();
                match (failure.effect_error(), undone) {
                    (Some(error), _) if error.kind() != Kind::Cancelled => {
                        self.note(&noted(error));
                    }
                    (_, Some(error)) => self.note(&json!(["LookupError", error.to_string()])),
                    _ => return Err(failure),
                }
            }
        }
        Ok(())
    }

    fn operate(&mut self, name: &str, given: &[Value]) -> Result<()> {
        match name {
            "pure" => self.note(&pure(&text(&given[0]))),
            "log" => {
                println!("{} {}", self.digest(), text(&given[0]));
                log::warn!(target: "programs", "at {}", self.digest());
            }
            "publish" => publish(&json!({"digest": self.digest(), "n": given[0]}))?,
            "respond" => respond(&self.digest())?,
            "start" => {
                let begun = self.begin(&given[0])?;
                self.started.push(begun);
            }
            "drop" => self.give_up(number(&given[0])),
            "tell" => self.tell(given)?,
            "cancel" => {
                if !self.children.is_empty() {
                    let child = &self.children[number(&given[0]) % self.children.len()];
                    let told = child.cancel(&format!("{} {}", self.digest(), text(&given[1])))?;
                    self.note(&json!([told]));
                }
            }
            "fail" => {
                let message = format!("{} {}", self.digest(), text(&given[0]));
                return Err(RuntimeError::new(message).into());
            }
            "timeout" | "group" => {
                for part in list(&given[given.len() - 1]) {
                    self.carry_out(list(part))?;
                }
            }
            "undo" => self.undo(list(&given[0]), list(&given[1]))?,
            "messages" => self.messages(given)?,
            _ => self.wait(name, given)?,
        }
        Ok(())
    }

    /// Carries out an operation that waits for something.
    fn wait(&mut self, name: &str, given: &[Value]) -> Result<(), Error> {
        match name {
            "sleep" => sleep(us(&given[0]))?,
            "step" => {
                let words = format!("{} {}", self.digest(), text(&given[0]));
                let done: Value = step(WORK, (words, &given[1], &given[2], &given[3]))?;
                self.note(&json!([done]));
            }
            "once" => {
                let words = format!("{} {}", self.digest(), text(&given[0]));
                let done: Value = step("differential_steps.work_once", (words, &given[1]))?;
                self.note(&json!([done]));
            }
            "effect" => {
                let begun = self.begin(&given[0])?;
                let value = begun.handle().join()?;
                self.note(&json!([begun.shown(value)]));
            }
            "join" => {
                if !self.started.is_empty() {
                    let begun = self.started.remove(number(&given[0]) % self.started.len());
                    match begun.handle().join_timeout(us(&given[1]))? {
                        Some(value) => self.note(&json!([begun.shown(value)])),
                        None => self.note(&json!(["TimeoutError", ""])),
                    }
                }
            }
            "receive" => {
                let payload = receive::timeout::<Value>(&text(&given[0]), us(&given[1]))?;
                self.note(&json!([payload]));
            }
            "gather" => self.gather(list(&given[0]), given[1] == true)?,
            "select" => {
                let begun = self.begin_all(list(&given[0]))?;
                let futures: Vec<Future<Value>> = begun.iter().map(Begun::handle).collect();
                self.started.extend(begun);
                let first = select(&futures, Some(us(&given[1])))?;
                self.note(&json!([first]));
            }
            "as_completed" => {
                let begun = self.begin_all(list(&given[0]))?;
                let futures: Vec<Future<Value>> = begun.iter().map(Begun::handle).collect();
                self.started.extend(begun);
                for completed in as_completed(futures).timeout(us(&given[1]))? {
                    self.note(&json!([completed?.0]));
                }
            }
            "wait" => self.wait_for(list(&given[0]), us(&given[1]), &text(&given[2]))?,
            other => unreachable!("{other} is no operation"),
        }
        Ok(())
    }

    fn messages(&self, given: &[Value]) -> Result<(), Error> {
        let names: Vec<String> = list(&given[0]).iter().map(text).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for _ in 0..number(&given[2]) {
            let Some(message) = receive::message(&names, Some(us(&given[1])))? else {
                break;
            };
            let payload: Value = message.payload()?;
            self.note(&json!([message.name, payload, message.id]));
        }
        Ok(())
    }

    fn gather(&mut self, specs: &[Value], quiet: bool) -> Result<(), Error> {
        let begun = self.begin_all(specs)?;
        let futures = begun.iter().map(Begun::handle);
        let values: Vec<Value> = if quiet {
            let outcomes = gather_all(futures)?.into_iter().zip(&begun);
            outcomes
                .map(|(outcome, one)| outcome.map_or_else(|e| noted(&e), |value| one.shown(value)))
                .collect()
        } else {
            let values = gather(futures)?.into_iter().zip(&begun);
            values.map(|(value, one)| one.shown(value)).collect()
        };
        self.note(&json!([values]));
        Ok(())
    }

    fn wait_for(&mut self, specs: &[Value], timeout: Duration, when: &str) -> Result<(), Error> {
        let begun = self.begin_all(specs)?;
        let futures: Vec<Future<Value>> = begun.iter().map(Begun::handle).collect();
        let seen: Vec<Future<Value>> = begun.iter().map(Begun::handle).collect();
        self.started.extend(begun);
        for completed in as_completed(futures).timeout(timeout)? {
            match completed {
                Err(error) if error.kind() == Kind::Timeout => break,
                other => drop(other?),
            }
            if when == "FIRST_COMPLETED" {
                break;
            }
        }
        let done: Vec<usize> = (0..seen.len()).filter(|n| seen[*n].done()).collect();
        self.note(&json!([done, seen.len() - done.len()]));
        Ok(())
    }

    fn undo(&mut self, operations: &[Value], undos: &[Value]) -> Result<()> {
        compensate(|undo| {
            for one in undos {
                let (words, length) = (text(&one[0]), one[1].clone());
                let (mut left, seen) = (number(&one[2]), self.seen.clone());
                undo.push(move || -> Result<()> {
                    if left > 0 {
                        left -= 1;
                        return Err(LookupError::new(format!("{words} {left}")).into());
                    }
                    let words = format!("{} undo {words}", seen.text());
                    let done = step::start::<Value>(WORK, (words, &length, 0, false))?.join()?;
                    seen.note(&json!([done]));
                    Ok(())
                });
            }
            self.carry_out(operations)?;
            Err(LookupError::new("undo it all").into())
        })
    }

    // --- what takes no time ---------------------------------------------------------------------

    fn begin_all(&mut self, specs: &[Value]) -> Result<Vec<Begun>, Error> {
        specs.iter().map(|spec| self.begin(spec)).collect()
    }

    /// Starts what a spec tells of.
    fn begin(&mut self, spec: &Value) -> Result<Begun, Error> {
        let given = &list(spec)[1..];
        match text(&spec[0]).as_str() {
            name @ ("step" | "async step") => {
                let name = if name == "step" { WORK } else { WORK_ASYNC };
                let words = format!("{} {}", self.digest(), text(&given[0]));
                let args = (words, &given[1], &given[2], &given[3]);
                Ok(Begun::plain(&step::start::<Value>(name, args)?))
            }
            "fetch" => {
                let url = format!("http://world/{}?us={}", self.digest(), given[1]);
                let mut begun = Begun::plain(&http::request(&text(&given[0]), &url).start()?);
                begun.fetches = true;
                Ok(begun)
            }
            "sleep" => Ok(Begun::plain(&sleep::start(us(&given[0]))?)),
            "receive" => {
                let mut begun = Begun::plain(&receive::start::<Value>(&text(&given[0]))?);
                begun.receives = true;
                Ok(begun)
            }
            _ => self.begin_child(given),
        }
    }

    fn begin_child(&mut self, given: &[Value]) -> Result<Begun, Error> {
        let program: Program = from_value(given[0].clone()).expect("a program");
        let mut options = child("differential_workflows.carry_out");
        options = options.parent_close(match text(&given[1]).as_str() {
            "wait" => ParentClose::Wait,
            "cancel" => ParentClose::Cancel,
            _ => ParentClose::Abandon,
        });
        if !given[2].is_null() {
            options = options.deadline(us(&given[2]));
        }
        let child = options.start::<Value>((program, execution_id(), ""))?;
        let mut begun = Begun::plain(&*child);
        begun.is_child = true;
        self.children.push(child);
        Ok(begun)
    }

    fn give_up(&mut self, place: usize) {
        if self.started.is_empty() {
            return;
        }
        let begun = self.started.remove(place % self.started.len());
        if !begun.is_child {
            let known = begun.future.done();
            begun.future.drop();
            self.note(&json!([!known]));
        }
    }

    fn tell(&self, given: &[Value]) -> Result<(), Error> {
        let (name, words) = (text(&given[2]), text(&given[3]));
        let payload = json!({"digest": self.digest(), "text": words});
        match text(&given[0]).as_str() {
            "child" => {
                if !self.children.is_empty() {
                    let child = &self.children[number(&given[1]) % self.children.len()];
                    child.send(&name, &payload)?;
                }
            }
            "self" => send(&execution_id(), &name, &payload)?,
            _ if self.parent.is_empty() => {}
            _ => send(&self.parent, &name, &payload)?,
        }
        Ok(())
    }
}

const WORK: &str = "differential_steps.work";
const WORK_ASYNC: &str = "differential_steps.work_async";

/// What is noted of an error: no words, where each language has its own.
fn noted(error: &Error) -> Value {
    let own = ["UsageError", "TimeoutError", "ExecutionFailed"].contains(&error.type_name());
    json!([error.type_name(), if own { "" } else { error.message() }])
}

fn pure(name: &str) -> Value {
    match name {
        "random" => json!([[rand::f64().to_string(), rand::range(0..99)]]),
        "time" => {
            let at = time_ns();
            let _monotonic = Instant::now();
            json!([[at, true]])
        }
        _ => json!([rand::uuid()]),
    }
}

fn us(value: &Value) -> Duration {
    Duration::from_micros(value.as_u64().expect("microseconds"))
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("a small number")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").into()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}
