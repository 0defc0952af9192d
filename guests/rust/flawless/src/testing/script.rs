//! What a world knows, and what it has seen.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Fault;
use super::web::Pages;
use crate::value;

/// A step that was run, or a child that was started.
///
/// # Examples
///
/// ```
/// use flawless::testing::World;
/// use flawless::{json, step};
///
/// let world = World::new().step("shop.pack", |_| Ok(json!(null)));
/// world.run(|| step::<()>("shop.pack", ("tea",))).unwrap();
/// assert_eq!(world.steps()[0].name, "shop.pack");
/// assert_eq!(world.steps()[0].args, [json!("tea")]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The name of the step or of the workflow.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Value>,
}

/// A message that was sent.
///
/// # Examples
///
/// ```
/// use flawless::testing::World;
/// use flawless::{json, send};
///
/// let world = World::new();
/// world.run(|| send("order-1", "paid", &300)).unwrap();
/// let sent = &world.sent()[0];
/// assert_eq!((sent.to.as_str(), sent.name.as_str()), ("order-1", "paid"));
/// assert_eq!(sent.payload, json!(300));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// The execution that it was sent to.
    pub to: String,
    /// The name of the message.
    pub name: String,
    /// Its payload.
    pub payload: Value,
}

/// A log message.
///
/// # Examples
///
/// ```
/// use flawless::log::{self, Level};
/// use flawless::testing::World;
///
/// let world = World::new();
/// world.run(|| log::warn!(target: "shop", "nearly out of tea"));
/// let logged = &world.logged()[0];
/// assert_eq!((logged.level, logged.logger.as_str()), (Level::Warn, "shop"));
/// assert_eq!(logged.message, "nearly out of tea");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Logged {
    /// How important it is.
    pub level: log::Level,
    /// Where it comes from: a module of the crate.
    pub logger: String,
    /// What it says.
    pub message: String,
}

/// What a person decides about a workflow that parks.
///
/// # Examples
///
/// ```
/// use flawless::testing::{Decision, World};
/// use flawless::{Failure, compensate, step};
///
/// let world = World::new()
///     .step("shop.refund", |_| Err("the bank is closed".into()))
///     .decision(Decision::Done);
/// let outcome = world.run(|| {
///     compensate(|undo| {
///         undo.push(|| step::<()>("shop.refund", ()));
///         Err::<(), _>(Failure::new("out of tea"))
///     })
/// });
/// assert_eq!(outcome.unwrap_err().to_string(), "out of tea");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Decision {
    /// It is to be tried again.
    Retry,
    /// It is as good as done.
    Done,
    /// It has failed.
    Failed(Fault),
}

pub(super) type Answer = Rc<RefCell<dyn FnMut(&[Value]) -> Result<Value, Fault>>>;

/// Functions by their names, and the calls of them.
#[derive(Default)]
pub(super) struct Functions {
    known: BTreeMap<String, Answer>,
    pub calls: Vec<Call>,
}

impl Functions {
    pub fn add(
        &mut self,
        name: &str,
        returns: impl FnMut(&[Value]) -> Result<Value, Fault> + 'static,
    ) {
        self.known
            .insert(name.into(), Rc::new(RefCell::new(returns)));
    }

    /// Keeps a call and returns it, with who answers it.
    pub fn take(&mut self, name: &str, call: &str, what: &str, method: &str) -> (Call, Answer) {
        let call = Call {
            name: name.into(),
            args: values(call),
        };
        self.calls.push(call.clone());
        let Some(answer) = self.known.get(name) else {
            panic!(
                "the workflow {what} {name:?}, and the world does not have it: say with \
                 World::{method} what it returns"
            );
        };
        (call, Rc::clone(answer))
    }
}

/// A message, and when it arrives.
pub(super) struct Letter {
    pub at: i64,
    pub name: String,
    pub payload: String,
}

/// What is waited for.
pub(super) enum Waiting {
    /// It has ended, and the workflow has not been told yet.
    Ended(Result<String, Fault>),
    Timer(i64),
    /// A message with one of these names, or with any.
    Message(Vec<String>),
}

/// All that a world knows.
pub(super) struct Script {
    pub execution: String,
    pub seed: u64,
    pub began_us: i64,
    pub now_us: i64,
    pub steps: Functions,
    pub children: Functions,
    pub pages: Pages,
    pub letters: Vec<Letter>,
    pub cancellation: Option<(i64, String)>,
    pub secrets: BTreeMap<String, String>,
    pub decisions: VecDeque<Decision>,
    pub waiting: BTreeMap<u64, Waiting>,
    pub sent: Vec<Sent>,
    pub published: Vec<Value>,
    pub response: Option<Value>,
    pub logged: Vec<Logged>,
    pub parked: Vec<String>,
    pub next_run: Option<Vec<Value>>,
}

impl Script {
    pub fn new(now_us: i64) -> Self {
        Self {
            execution: "test".into(),
            seed: 0,
            began_us: now_us,
            now_us,
            steps: Functions::default(),
            children: Functions::default(),
            pages: Pages::default(),
            letters: Vec::new(),
            cancellation: None,
            secrets: BTreeMap::new(),
            decisions: VecDeque::new(),
            waiting: BTreeMap::new(),
            sent: Vec::new(),
            published: Vec::new(),
            response: None,
            logged: Vec::new(),
            parked: Vec::new(),
            next_run: None,
        }
    }

    /// Moves the clock, and with it what is to come.
    pub fn set_clock(&mut self, us: i64) {
        let moved = us - self.now_us;
        self.began_us += moved;
        self.now_us = us;
        for letter in &mut self.letters {
            letter.at += moved;
        }
        if let Some((at, _)) = &mut self.cancellation {
            *at += moved;
        }
    }

    /// Forgets what an earlier run has left.
    pub fn begin(&mut self) {
        self.waiting.clear();
        self.response = None;
        self.next_run = None;
    }

    /// The reason of the cancellation, if its time has come and the workflow was not told yet.
    pub fn cancelled(&mut self) -> Option<String> {
        self.cancellation
            .take_if(|(at, _)| *at <= self.now_us)
            .map(|(_, reason)| reason)
    }

    /// Ends what has ended by now, and returns the first that has, in the order of the effects.
    pub fn ended(&mut self) -> Option<(u64, Result<String, Fault>)> {
        let now_us = self.now_us;
        let mut found = None;
        for (effect, waiting) in &mut self.waiting {
            match waiting {
                Waiting::Ended(_) => {}
                Waiting::Timer(at) if *at <= now_us => {
                    *waiting = Waiting::Ended(Ok("null".into()));
                }
                Waiting::Message(names) => {
                    let arrived = self.letters.iter().enumerate().filter(|(_, letter)| {
                        letter.at <= now_us && (names.is_empty() || names.contains(&letter.name))
                    });
                    let Some((place, _)) = arrived.min_by_key(|(_, letter)| letter.at) else {
                        continue;
                    };
                    let letter = self.letters.remove(place);
                    let text = format!(
                        r#"{{"name":{},"payload":{}}}"#,
                        crate::host::quoted(&letter.name),
                        letter.payload
                    );
                    *waiting = Waiting::Ended(Ok(text));
                }
                Waiting::Timer(_) => continue,
            }
            found = Some(*effect);
            break;
        }
        let effect = found?;
        match self.waiting.remove(&effect) {
            Some(Waiting::Ended(outcome)) => Some((effect, outcome)),
            _ => None,
        }
    }

    /// When something happens next.
    pub fn next_event(&self) -> Option<i64> {
        let timers = self.waiting.values().filter_map(|waiting| match waiting {
            Waiting::Timer(at) => Some(*at),
            _ => None,
        });
        let letters = self.letters.iter().map(|letter| letter.at);
        let cancellation = self.cancellation.iter().map(|(at, _)| *at);
        timers
            .chain(letters)
            .chain(cancellation)
            .filter(|at| *at > self.now_us)
            .min()
    }
}

#[derive(Deserialize)]
struct Arguments {
    a: Vec<Box<RawValue>>,
}

/// The arguments of a call, as plain JSON.
pub(super) fn values(call: &str) -> Vec<Value> {
    let arguments: Arguments = serde_json::from_str(call).expect("the crate writes calls");
    arguments.a.iter().map(|raw| plain(raw.get())).collect()
}

/// A value as plain JSON.
pub(super) fn plain(text: &str) -> Value {
    value::from_str(text).expect("the crate writes values")
}
