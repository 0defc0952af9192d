//! The answers to requests.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::script::{Decision, Logged, Script, Sent, Waiting, plain};
use super::{Fault, micros, web};
use crate::value;

/// A request, with the fields that any of them has.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    op: String,
    id: u64,
    start: bool,
    name: String,
    names: Vec<String>,
    workflow: String,
    child: String,
    args: Option<Box<RawValue>>,
    seconds: f64,
    to: String,
    payload: Option<Box<RawValue>>,
    value: Option<Box<RawValue>>,
    label: String,
    level: i32,
    logger: String,
    message: String,
    until: Option<i64>,
    poll: bool,
}

type Outcome = Result<String, Fault>;

/// Answers a request as the script says.
pub(super) fn answer(script: &Rc<RefCell<Script>>, request: &str) -> String {
    let asked: Asked = serde_json::from_str(request).expect("the crate writes requests");
    match asked.op.as_str() {
        "sleep" => slept(&mut script.borrow_mut(), &asked),
        "receive" => {
            let waiting = Waiting::Message(asked.names);
            script.borrow_mut().waiting.insert(asked.id, waiting);
            "{}".into()
        }
        "next" => next(&mut script.borrow_mut(), &asked),
        "drop" => {
            script.borrow_mut().waiting.remove(&asked.id);
            "{}".into()
        }
        "clock" => now(&script.borrow(), ""),
        "log" | "publish" | "respond" | "secret" => told(&mut script.borrow_mut(), &asked),
        _ => performed(script, &asked, request),
    }
}

fn now(script: &Script, rest: &str) -> String {
    format!(r#"{{"now":{}{rest}}}"#, script.now_us)
}

fn ending(outcome: &Outcome) -> String {
    match outcome {
        Ok(value) => format!(r#","ok":{value}"#),
        Err(fault) => format!(r#","error":{}"#, fault.told()),
    }
}

fn cancelling(reason: &str) -> String {
    format!(r#","cancel":{}"#, json!(reason))
}

/// Effects that are over as soon as they have begun.
fn performed(script: &Rc<RefCell<Script>>, asked: &Asked, request: &str) -> String {
    if !asked.start
        && let Some(reason) = script.borrow_mut().cancelled()
    {
        return now(&script.borrow(), &cancelling(&reason));
    }
    let outcome = outcome(script, asked, request);
    let mut script = script.borrow_mut();
    if asked.start {
        script.waiting.insert(asked.id, Waiting::Ended(outcome));
        return "{}".into();
    }
    now(&script, &ending(&outcome))
}

/// What an effect ends with. The script is free while the test's own closures run.
fn outcome(script: &Rc<RefCell<Script>>, asked: &Asked, request: &str) -> Outcome {
    let call = asked.args.as_ref().map_or("", |args| args.get());
    match asked.op.as_str() {
        "step" => {
            let (call, answer) =
                script
                    .borrow_mut()
                    .steps
                    .take(&asked.name, call, "runs the step", "step");
            let returned = (answer.borrow_mut())(&call.args)?;
            Ok(written(&returned))
        }
        "execute" => {
            let (call, answer) = script.borrow_mut().children.take(
                &asked.workflow,
                call,
                "starts the child",
                "child",
            );
            let returned =
                (answer.borrow_mut())(&call.args).map_err(|fault| fault.of_child(&asked.child))?;
            Ok(written(&returned))
        }
        "http" => {
            let (request, server) = script.borrow_mut().pages.take(request);
            web::fetched(&request, &server).map(|reply| reply.to_string())
        }
        "send" => {
            let sent = Sent {
                to: asked.to.clone(),
                name: asked.name.clone(),
                payload: plain(asked.payload.as_ref().map_or("null", |raw| raw.get())),
            };
            script.borrow_mut().sent.push(sent);
            Ok("null".into())
        }
        "cancel" => Ok("true".into()),
        "park" => decided(&mut script.borrow_mut(), &asked.label),
        op => panic!("the workflow asks for {op}, which a world does not know"),
    }
}

fn written(returned: &serde_json::Value) -> String {
    value::to_string(returned).unwrap_or_else(|wrong| panic!("{}", wrong.about("the value")))
}

fn decided(script: &mut Script, label: &str) -> Outcome {
    script.parked.push(label.into());
    match script.decisions.pop_front() {
        Some(Decision::Retry) => Ok(r#"{"retry":true}"#.into()),
        Some(Decision::Done) => Ok(r#"{"ok":null}"#.into()),
        Some(Decision::Failed(fault)) => Err(fault),
        None => panic!(
            "the workflow parks until a person decides ({label}): say with World::decision what \
             it is"
        ),
    }
}

/// Requests that nobody waits for.
fn told(script: &mut Script, asked: &Asked) -> String {
    let value = || plain(asked.value.as_ref().map_or("null", |raw| raw.get()));
    match asked.op.as_str() {
        "log" => script.logged.push(Logged {
            level: level(asked.level),
            logger: asked.logger.clone(),
            message: asked.message.clone(),
        }),
        "publish" => script.published.push(value()),
        "respond" => script.response = Some(value()),
        _ => {
            let placeholder = script.secrets.get(&asked.name).cloned();
            let placeholder =
                placeholder.unwrap_or_else(|| format!("flawless_secret_{}", asked.name));
            return json!({"ok": placeholder}).to_string();
        }
    }
    "{}".into()
}

fn level(number: i32) -> log::Level {
    match number {
        40.. => log::Level::Error,
        30.. => log::Level::Warn,
        20.. => log::Level::Info,
        10.. => log::Level::Debug,
        _ => log::Level::Trace,
    }
}

fn slept(script: &mut Script, asked: &Asked) -> String {
    let length = Duration::try_from_secs_f64(asked.seconds).unwrap_or_default();
    let until = script.now_us.saturating_add(micros(length));
    if asked.start {
        script.waiting.insert(asked.id, Waiting::Timer(until));
        return "{}".into();
    }
    if let Some((at, _)) = script.cancellation
        && at <= until
    {
        script.now_us = script.now_us.max(at);
        let reason = script.cancelled().unwrap_or_default();
        return now(script, &cancelling(&reason));
    }
    script.now_us = until;
    now(script, r#","ok":null"#)
}

/// Waits for the next outcome: time passes until there is one.
fn next(script: &mut Script, asked: &Asked) -> String {
    loop {
        if let Some(reason) = script.cancelled() {
            return now(script, &cancelling(&reason));
        }
        if let Some((effect, outcome)) = script.ended() {
            let rest = format!(r#","id":{effect}{}"#, ending(&outcome));
            return now(script, &rest);
        }
        let is_over = asked.until.is_some_and(|until| until <= script.now_us);
        if asked.poll || is_over {
            return now(script, "");
        }
        script.now_us = match (script.next_event(), asked.until) {
            (Some(event), Some(until)) => event.min(until),
            (Some(time), None) | (None, Some(time)) => time,
            (None, None) => panic!("{}", stuck(script)),
        };
    }
}

fn stuck(script: &Script) -> String {
    let names: Vec<String> = script
        .waiting
        .values()
        .filter_map(|waiting| match waiting {
            Waiting::Message(names) if names.is_empty() => Some("any message".into()),
            Waiting::Message(names) => Some(format!("a message {}", names.join(" or "))),
            _ => None,
        })
        .collect();
    let what = if names.is_empty() {
        "what never comes".into()
    } else {
        names.join(", and for ")
    };
    format!(
        "the workflow waits for {what}, for ever: send one with World::message, or let it wait \
         with a timeout"
    )
}
