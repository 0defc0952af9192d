//! Workflows that talk, wait, have children and end early: `storm_conversations.py` in Rust.

use std::thread;

use flawless::serde_json::{Value, json};
use flawless::{
    Child, Error, Kind, ParentClose, Result, as_completed, child, execution_id, gather, gather2,
    gather3, http, publish, rand, receive, respond, select, send, sleep, workflow,
};

use super::{Answers, act, ms, put, start_act, start_async, time_ns};
use crate::errors::LookupError;
use crate::untyped;

/// A message with a type.
#[flawless::value]
pub struct Parcel {
    /// Its number.
    pub number: u32,
    /// What is written on it.
    pub label: String,
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

// --- talking -------------------------------------------------------------------------------------

/// Messages: named, typed, none within a time, and many in a row.
#[workflow(name = "storm_conversations.receives")]
pub fn receives(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    put(&mut answers, "first", receive::<Value>("first")?);
    act(&ledger, "between", 0.0, 1)?;
    put(&mut answers, "parcel", receive::<Parcel>("Parcel")?.label);
    put(
        &mut answers,
        "never",
        receive::timeout::<Value>("never", ms(50))?,
    );
    let mut items = Vec::new();
    while let Some(message) = receive::message(&["item", "stop"], None)? {
        if message.name == "stop" {
            break;
        }
        items.push(json!([message.id, message.payload::<Value>()?]));
        if items.len() == 2 {
            sleep(ms(300))?; // it leaves memory, and messages go on to come
        }
    }
    let count = items.len();
    put(&mut answers, "items", items);
    put(&mut answers, "after", act(&ledger, "after", 0.0, count)?);
    Ok(answers)
}

/// Answer each message until there is none left to come.
#[workflow(name = "storm_conversations.echoes")]
pub fn echoes(_ledger: String, parent: String) -> Result<Vec<String>> {
    let mut heard = Vec::new();
    while let Some(message) = receive::message(&["call"], None)? {
        let call: String = message.payload()?;
        heard.push(call.clone());
        send(&parent, "echo", &json!([heard.len(), call]))?;
        if call == "last" {
            break;
        }
    }
    Ok(heard)
}

/// Two executions send to each other; each message is received once, in order.
#[workflow(name = "storm_conversations.talks")]
pub fn talks(ledger: String) -> Result<Answers> {
    let child = echoes::start(ledger.clone(), execution_id())?;
    let mut calls: Vec<String> = (0..3).map(|n| format!("{n} {}", time_ns())).collect();
    calls.push("last".into());
    for call in &calls {
        child.send("call", call)?;
    }
    let mut answers = Answers::new();
    put(&mut answers, "act", act(&ledger, "act", 0.0, 1)?);
    let mut in_order = true;
    for (n, call) in calls.iter().enumerate() {
        in_order &= receive::<Value>("echo")? == json!([n + 1, call]);
    }
    put(&mut answers, "echoed in order", in_order);
    put(&mut answers, "heard in order", child.join()? == calls);
    if let Err(error) = send("nobody", "call", &1)
        && error.kind() == Kind::ExecutionNotFound
    {
        put(&mut answers, "nobody", "not found");
    }
    Ok(answers)
}

/// States and a response that hold what only this run can know.
#[workflow(name = "storm_conversations.shows")]
pub fn shows(ledger: String) -> Result<Answers> {
    let at = time_ns();
    publish(&json!({"stage": 1, "at": at, "chance": rand::f64()}))?;
    act(&ledger, "one", 0.0, 1)?;
    respond(&json!({"at": time_ns(), "began": at}))?;
    publish(&json!({"stage": 2, "at": time_ns()}))?;
    sleep(ms(50))?;
    act(&ledger, "two", 0.0, 2)?;
    publish(&json!({"stage": 3, "at": time_ns()}))?;
    thread::sleep(ms(50));
    publish(&json!({"stage": 4, "at": time_ns(), "chance": rand::f64()}))?;
    let mut answers = Answers::new();
    put(&mut answers, "done", act(&ledger, "three", 0.0, 3)?);
    Ok(answers)
}

// --- several at once -----------------------------------------------------------------------------

/// A child that acts once.
#[workflow(name = "storm_conversations.leaf")]
pub fn leaf(ledger: String, name: String, pause_s: f64) -> Result<String> {
    sleep(std::time::Duration::from_secs_f64(pause_s))?;
    Ok(act(&ledger, &name, 0.0, 1)?)
}

/// The same, with a step on the engine's loop.
#[workflow(name = "storm_conversations.leaf_async")]
pub fn leaf_async(ledger: String, name: String, pause_s: f64) -> Result<String> {
    thread::sleep(std::time::Duration::from_secs_f64(pause_s));
    Ok(start_async(&ledger, &name, 1)?.join()?)
}

/// A child that fails.
#[workflow(name = "storm_conversations.leaf_failing")]
pub fn leaf_failing(ledger: String, name: String) -> Result<String> {
    act(&ledger, &name, 0.0, 1)?;
    Err(LookupError::new(name).into())
}

fn start_leaf(ledger: &str, name: &str, pause_s: f64) -> Result<Child<String>, Error> {
    leaf::start(ledger.into(), name.into(), pause_s)
}

/// Steps, timers, messages, requests and children, waited for together in every way.
#[workflow(name = "storm_conversations.races")]
pub fn races(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    let go = receive::start::<Value>("go")?;
    let (one, two, ()) = gather3(
        start_act(&ledger, "a", 1)?,
        start_leaf(&ledger, "b", 0.01)?,
        sleep::start(ms(20))?,
    )?;
    put(&mut answers, "gathered", json!([one, two, null]));
    let slow = http::get(format!("{ledger}/slow?delay=0.3")).start()?;
    let timer = sleep::start(ms(10))?;
    let never = receive::start::<Value>("never")?;
    let first = select((&slow, &never, &timer), None)?;
    put(
        &mut answers,
        "first",
        if first == Some(2) { "timer" } else { "?" },
    );
    let last = leaf_async::start(ledger.clone(), "c".into(), 0.0)?;
    let mut completed = Vec::new();
    for one in as_completed([untyped(&last), untyped(&go), untyped(&slow)]) {
        completed.push(["child", "message", "request"][one?.0]);
    }
    completed.sort_unstable();
    put(&mut answers, "completed", completed);
    put(&mut answers, "go", go.join()?);
    let mut steps = Vec::new();
    for n in 0..3 {
        steps.push(start_act(&ledger, &format!("s{n}"), n)?);
    }
    let failing = leaf_failing::start(ledger, "failing".into())?;
    let all = steps.iter().chain([&*failing]).map(untyped);
    put(&mut answers, "all", json!([as_completed(all).count(), 0]));
    let all = steps.iter().chain([&*failing]).map(untyped);
    if let Err(error) = gather(all) {
        put(&mut answers, "failed", error.message());
    }
    Ok(answers)
}

// --- children ------------------------------------------------------------------------------------

/// Children whose ids and arguments are known to this run alone: each starts once.
#[workflow(name = "storm_conversations.families")]
pub fn families(ledger: String) -> Result<Answers> {
    let me = execution_id();
    let (mut ids, mut children) = (Vec::new(), Vec::new());
    for n in 0..3_u8 {
        ids.push(format!("{me}.{n}-{}", time_ns()));
        let started = child("storm_conversations.leaf").id(&ids[usize::from(n)]);
        let pause_s = 0.005 * f64::from(n);
        children.push(started.start::<String>((&ledger, format!("child{n}"), pause_s))?);
    }
    let results = gather(children)?;
    let mut answers = Answers::new();
    put(&mut answers, "results", results);
    let id = format!("{me}.failing-{}", time_ns());
    let failing = child("storm_conversations.leaf_failing").id(&id);
    if let Err(error) = failing.start::<String>((&ledger, "failing"))?.join() {
        let told = error.message();
        let known = json!([told.contains("LookupError"), told.contains(&id)]);
        put(&mut answers, "failing", known);
    }
    ids.push(id);
    act(&ledger, "between", 0.0, 1)?;
    ids.push(format!("{me}.below-{}", time_ns()));
    let nested = child("storm_conversations.families_below").id(&ids[4]);
    let below = nested.start::<Vec<String>>((&ledger,))?.join()?;
    put(&mut answers, "below", below);
    put(&mut answers, "children", ids);
    Ok(answers)
}

/// A child with children.
#[workflow(name = "storm_conversations.families_below")]
pub fn families_below(ledger: String) -> Result<Vec<String>> {
    let mut children = Vec::new();
    for n in 0..2 {
        children.push(leaf_async::start(
            ledger.clone(),
            format!("below{n}"),
            0.01,
        )?);
    }
    Ok(gather(children)?)
}

/// A child that ends when it is cancelled, and cleans up.
#[workflow(name = "storm_conversations.waits_for_ever")]
pub fn waits_for_ever(ledger: String, name: String) -> Result<String> {
    let got = receive::<Value>("never");
    act(&ledger, &format!("{name}-cleaned"), 0.0, 1)?;
    got?;
    Ok(name)
}

fn leave(ledger: &str) -> Result<(), Error> {
    start_leaf(ledger, "waited", 0.05)?;
    let alone = child("storm_conversations.leaf").parent_close(ParentClose::Abandon);
    alone.start::<String>((ledger, "alone", 0.3))?;
    let called = child("storm_conversations.waits_for_ever").parent_close(ParentClose::Cancel);
    called.start::<String>((ledger, "called-off"))?;
    Ok(())
}

/// It ends while its children run: one is waited for, one cancelled, one goes on alone.
#[workflow(name = "storm_conversations.leaves")]
pub fn leaves(ledger: String) -> Result<Answers> {
    leave(&ledger)?;
    let mut answers = Answers::new();
    put(&mut answers, "act", act(&ledger, "act", 0.0, 1)?);
    Ok(answers)
}

/// The same, when it fails.
#[workflow(name = "storm_conversations.leaves_failing")]
pub fn leaves_failing(ledger: String) -> Result<Answers> {
    leave(&ledger)?;
    start_async(&ledger, "act", 1)?.join()?;
    Err(LookupError::new("on purpose").into())
}

// --- ending early --------------------------------------------------------------------------------

/// Wait in one of many ways until it is cancelled, then clean up.
#[workflow(name = "storm_conversations.patient")]
pub fn patient(ledger: String, parent: String, kind: String) -> Result<String> {
    match endure(&ledger, &parent, &kind) {
        Err(told) if told.kind() == Kind::Cancelled => {
            let name = format!("{kind}-cleaned").replace(' ', "-");
            let cleaned = act(&ledger, &name, 0.0, 1)?;
            Ok(format!("{kind} {} {cleaned}", told.message()))
        }
        other => {
            other?;
            Ok(format!("{kind} was not cancelled"))
        }
    }
}

fn endure(ledger: &str, parent: &str, kind: &str) -> Result<(), Error> {
    send(parent, "ready", kind)?;
    match kind {
        "receive" => receive::<Value>("never").map(drop),
        "sleep" => sleep(ms(1_000_000)),
        "long sleep" => sleep(3 * DAY),
        "request" => http::get(format!("{ledger}/maybe-slow?delay=8"))
            .send()
            .map(drop),
        "child" => {
            let nested = child("storm_conversations.waits_for_ever");
            let nested = nested.parent_close(ParentClose::Cancel);
            nested.start::<String>((ledger, "nested"))?.join().map(drop)
        }
        _ => gather2(receive::start::<Value>("never")?, sleep::start(DAY)?).map(drop),
    }
}

/// Children are cancelled, each while it waits for something else.
#[workflow(name = "storm_conversations.cancels")]
pub fn cancels(ledger: String) -> Result<Answers> {
    let kinds = [
        "receive",
        "sleep",
        "long sleep",
        "request",
        "child",
        "gather",
    ];
    let mut children = Vec::new();
    for kind in kinds {
        children.push(patient::start(ledger.clone(), execution_id(), kind.into())?);
    }
    let mut ready = Vec::new();
    for _ in kinds {
        ready.push(receive::<String>("ready")?);
    }
    ready.sort();
    let mut told = Vec::new();
    for (child, kind) in children.iter().zip(kinds) {
        told.push(child.cancel(&format!("because of {kind}"))?);
    }
    for completed in as_completed(children.iter().map(|child| untyped(child))) {
        completed?;
    }
    let mut again = Vec::new();
    for child in &children {
        again.push(child.cancel("")?);
    }
    let mut answers = Answers::new();
    put(&mut answers, "ready", ready);
    put(&mut answers, "told", told);
    put(&mut answers, "again", again);
    put(&mut answers, "ends", gather(children)?);
    Ok(answers)
}

/// Somebody outside cancels it; it cleans up in several steps, and ends as cancelled.
#[workflow(name = "storm_conversations.stopped")]
pub fn stopped(ledger: String) -> Result<Answers> {
    let got = publish(&json!({"stage": 1})).and_then(|()| receive::<Value>("never"));
    act(&ledger, "clean-one", 0.0, 1)?;
    sleep(ms(20))?;
    act(&ledger, "clean-two", 0.0, 2)?;
    got?;
    Ok(Answers::new())
}

/// Somebody outside ends it at once.
#[workflow(name = "storm_conversations.terminated")]
pub fn terminated(ledger: String) -> Result<Answers> {
    let got = publish(&json!({"stage": 1})).and_then(|()| receive::<Value>("never"));
    act(&ledger, "clean-never", 0.0, 1)?;
    got?;
    Ok(Answers::new())
}

/// It begins a while after its start, and has what was sent to it before that.
#[workflow(name = "storm_conversations.begins_later")]
pub fn begins_later(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    put(&mut answers, "first", act(&ledger, "first", 0.0, 1)?);
    let mut items = Vec::new();
    for _ in 0..6 {
        items.push(receive::<Value>("item")?);
    }
    sleep(ms(20))?;
    let count = items.len();
    put(&mut answers, "items", items);
    put(&mut answers, "last", act(&ledger, "last", 0.0, count)?);
    Ok(answers)
}

/// Somebody outside cancels it before it begins: none of this happens.
#[workflow(name = "storm_conversations.never_begins")]
pub fn never_begins(ledger: String) -> Result<Answers> {
    act(&ledger, "first", 0.0, 1)?;
    Ok(Answers::new())
}

/// Its deadline passes while it waits.
#[workflow(name = "storm_conversations.expires", deadline = "300ms")]
pub fn expires(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    match receive::<Value>("never") {
        Err(told) if told.kind() == Kind::Cancelled => {
            put(&mut answers, "told", told.message());
            put(&mut answers, "cleaned", act(&ledger, "cleaned", 0.0, 1)?);
        }
        other => put(&mut answers, "told", other?),
    }
    Ok(answers)
}
