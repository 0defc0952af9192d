//! Workflows that undo, are repaired, and go on in further runs: `storm_repairs.py` in Rust.

use std::time::Duration;

use flawless::serde_json::{Value, json};
use flawless::{
    Error, Failure, Future, Kind, Result, Undo, compensate, continue_as_new, http, publish, rand,
    receive, step, workflow,
};

use super::conversations::leaf_async;
use super::{Answers, act, act_flaky, joined, put, sent, start_async, time_ns};
use crate::errors::LookupError;

const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(20)];

/// A step that fails until somebody has mended the world.
fn act_if_mended(ledger: &str, name: &str) -> Result<String, Error> {
    step("storm_steps.act_if_mended", (ledger, name))
}

/// A step that never succeeds, and never acts.
fn act_failing(ledger: &str, name: &str) -> Result<String, Error> {
    step("storm_steps.act_failing", (ledger, name))
}

/// Starts a step that a person decides about.
fn start_parked(ledger: &str, name: &str, amount: usize) -> Result<Future<String>, Error> {
    step::start("storm_steps.act_parked", (ledger, name, amount))
}

fn book(ledger: &str, undo: &mut Undo<'_>, name: &str) -> Result<(), Error> {
    act(ledger, name, 0.0, 1)?;
    let (ledger, name) = (ledger.to_string(), format!("undo-{name}"));
    undo.push(move || act_flaky(&ledger, &name, 1));
    Ok(())
}

/// Undos that fail need not be waited for in a storm.
fn hurry() {
    flawless::__private::undo_pauses(&PAUSES);
}

/// What was done is undone in reverse, after a failure, and each undo is retried.
#[workflow(name = "storm_repairs.sagas")]
pub fn sagas(ledger: String) -> Result<Answers> {
    hurry();
    let mut answers = Answers::new();
    let failed = compensate(|undo| {
        for name in ["one", "two", "three"] {
            book(&ledger, undo, name)?;
        }
        Ok(act_failing(&ledger, "failing")?)
    });
    match failed.as_ref().map_err(Failure::effect_error) {
        Err(Some(error)) if error.type_name() == "ConnectionError" => {
            put(&mut answers, "failed", error.message());
        }
        _ => put(&mut answers, "failed", failed?),
    }
    compensate(|undo| Ok(book(&ledger, undo, "kept")?))?;
    put(&mut answers, "after", act(&ledger, "after", 0.0, 1)?);
    Ok(answers)
}

/// The same, after a cancellation.
#[workflow(name = "storm_repairs.sagas_async")]
pub fn sagas_async(ledger: String) -> Result<Answers> {
    hurry();
    let mut answers = Answers::new();
    let told = compensate(|undo| -> Result<Value> {
        for name in ["one", "two"] {
            start_async(&ledger, name, 1)?.join()?;
            let (ledger, name) = (ledger.clone(), format!("undo-{name}"));
            undo.push(move || start_async(&ledger, &name, 2)?.join());
        }
        publish(&json!({"stage": 1}))?;
        Ok(receive("never")?)
    });
    match told.as_ref().map_err(Failure::effect_error) {
        Err(Some(error)) if error.kind() == Kind::Cancelled => {
            put(&mut answers, "told", error.message());
        }
        _ => put(&mut answers, "told", told?),
    }
    Ok(answers)
}

/// An undo keeps failing: a person does it, and the others are done all the same.
#[workflow(name = "storm_repairs.sagas_parked")]
pub fn sagas_parked(ledger: String) -> Result<Answers> {
    hurry();
    let mut answers = Answers::new();
    let failed = compensate(|undo| -> Result<()> {
        act(&ledger, "one", 0.0, 1)?;
        let to = ledger.clone();
        undo.push(move || act(&to, "undo-one", 0.0, 1));
        let to = ledger.clone();
        undo.push(move || act_failing(&to, "hopeless"));
        act(&ledger, "two", 0.0, 1)?;
        let to = ledger.clone();
        undo.push(move || act(&to, "undo-two", 0.0, 1));
        Err(LookupError::new("on purpose").into())
    });
    if let Err(error) = failed {
        put(&mut answers, "failed", error.to_string());
    }
    Ok(answers)
}

/// Effects that a person decides about when the engine dies in the middle of them.
#[workflow(name = "storm_repairs.parks")]
pub fn parks(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    let one: String = step("storm_steps.act_parked", (&ledger, "exact-step", 1))?;
    put(&mut answers, "one", one);
    let posted = http::post(format!("{ledger}/exact-post"))
        .json(&json!({}))
        .park();
    put(&mut answers, "two", sent(posted)?);
    let started = http::post(format!("{ledger}/exact-started"))
        .json(&json!({}))
        .park()
        .start()?;
    put(&mut answers, "three", act(&ledger, "between", 0.0, 1)?);
    put(&mut answers, "four", joined(&started)?);
    Ok(answers)
}

/// The same, two at a time.
#[workflow(name = "storm_repairs.parks_async")]
pub fn parks_async(ledger: String) -> Result<Answers> {
    let one = start_parked(&ledger, "exact-step", 1)?;
    let two = http::post(format!("{ledger}/exact-post"))
        .json(&json!({}))
        .park()
        .start()?;
    let mut answers = Answers::new();
    put(&mut answers, "one", one.join()?);
    put(&mut answers, "two", joined(&two)?);
    Ok(answers)
}

/// It fails, the world is mended, and it goes on from the effect that failed.
#[workflow(name = "storm_repairs.mended")]
pub fn mended(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    put(&mut answers, "one", act(&ledger, "one", rand::f64(), 1)?);
    put(&mut answers, "two", act_if_mended(&ledger, "two")?);
    put(&mut answers, "three", act(&ledger, "three", 0.0, 3)?);
    Ok(answers)
}

/// The same when it is a child that fails.
#[workflow(name = "storm_repairs.mended_below")]
pub fn mended_below(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    put(&mut answers, "one", start_async(&ledger, "one", 1)?.join()?);
    put(
        &mut answers,
        "two",
        needs_mending::start(ledger.clone())?.join()?,
    );
    put(
        &mut answers,
        "three",
        start_async(&ledger, "three", 3)?.join()?,
    );
    Ok(answers)
}

/// A child that fails until the world is mended.
#[workflow(name = "storm_repairs.needs_mending")]
pub fn needs_mending(ledger: String) -> Result<String> {
    act(&ledger, "below", 0.0, 1)?;
    Ok(act_if_mended(&ledger, "two")?)
}

/// It fails, and begins again.
#[workflow(name = "storm_repairs.restarted")]
pub fn restarted(ledger: String) -> Result<Answers> {
    let run = time_ns();
    let mut answers = Answers::new();
    put(&mut answers, "one", act(&ledger, "maybe-one", 0.0, 1)?);
    put(&mut answers, "two", act_if_mended(&ledger, "two")?);
    put(&mut answers, "time goes on", time_ns() >= run);
    Ok(answers)
}

/// Three runs share one inbox; nothing is lost between them.
#[workflow(name = "storm_repairs.continues")]
pub fn continues(ledger: String, n: Option<usize>, heard: Option<Vec<Value>>) -> Result<Answers> {
    let (n, mut heard) = (n.unwrap_or(0), heard.unwrap_or_default());
    for _ in 0..2 {
        heard.push(receive("item")?);
    }
    act(&ledger, &format!("run{n}"), 0.0, n)?;
    if n < 2 {
        return continue_as_new((ledger, n + 1, heard));
    }
    let mut answers = Answers::new();
    put(&mut answers, "heard", heard);
    Ok(answers)
}

/// The same with a child under way.
#[workflow(name = "storm_repairs.continues_async")]
pub fn continues_async(
    ledger: String,
    n: Option<usize>,
    heard: Option<Vec<Value>>,
) -> Result<Answers> {
    let (n, mut heard) = (n.unwrap_or(0), heard.unwrap_or_default());
    loop {
        let Some(message) = receive::message(&["item"], None)? else {
            break;
        };
        heard.push(message.payload()?);
        if heard.len() % 2 == 0 {
            break;
        }
    }
    leaf_async::start(ledger.clone(), format!("child{n}"), 0.01)?;
    if n < 2 {
        return continue_as_new((ledger, n + 1, heard));
    }
    let mut answers = Answers::new();
    put(&mut answers, "heard", heard);
    Ok(answers)
}
