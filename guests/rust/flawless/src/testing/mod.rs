//! Unit tests of workflows, without an engine: a world that answers as a script says.
//!
//! A workflow is a regular function, so a test calls it like one, inside [`World::run`]. What it
//! asks for is answered by the world: steps, children and HTTP requests by closures, messages from
//! a list. Sleeping takes no time and moves the world's clock; random numbers are the same in each
//! run. Afterwards the world tells what the workflow did.
//!
//! All of this is native code, which `cargo test` builds and runs without WebAssembly. So the clock
//! of the standard library is the machine's here: workflows that are tested like this use
//! [`now`](crate::now()) and [`sleep`](crate::sleep()). What takes a crash to show is tested with
//! the engine, by the Python package's `flawless.testing`.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use flawless::testing::{Fault, World};
//! use flawless::{Result, json, receive, sleep, step, workflow};
//!
//! #[workflow]
//! pub fn checkout(item: String, cents: u32) -> Result<String> {
//!     let reference: String = step("shop.charge", (&item, cents))?;
//!     sleep(Duration::from_secs(2 * 86_400))?;
//!     if receive::timeout::<bool>("confirm", Duration::from_secs(3600))? != Some(true) {
//!         step::<()>("shop.refund", (&reference,))?;
//!     }
//!     Ok(reference)
//! }
//!
//! # fn main() {
//! let world = World::new()
//!     .step("shop.charge", |args| match args[1].as_u64() {
//!         Some(0) => Err(Fault::new("shop.Declined", "nothing to pay")),
//!         _ => Ok(json!("ref-1")),
//!     })
//!     .step("shop.refund", |_| Ok(json!(null)));
//! assert_eq!(world.run(|| checkout("tea".into(), 300)).unwrap(), "ref-1");
//! assert_eq!(world.steps()[1].args, [json!("ref-1")]);
//! assert_eq!(world.elapsed(), Duration::from_secs(2 * 86_400 + 3600));
//!
//! let confirmed = World::new()
//!     .step("shop.charge", |_| Ok(json!("ref-2")))
//!     .message("confirm", &true);
//! assert_eq!(confirmed.run(|| checkout("tea".into(), 300)).unwrap(), "ref-2");
//! # }
//! ```

mod answers;
mod fault;
mod script;
mod seen;
#[cfg(test)]
mod tests;
mod web;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use crate::{continuation, ending, host, logging, rand, value};
use answers::answer;
pub use fault::Fault;
pub use script::{Call, Decision, Logged, Sent};
use script::{Letter, Script};
pub use web::{Reply, Request};

/// 2026-01-01, when worlds begin that are not told another time.
const BEGINNING_US: i64 = 1_767_225_600_000_000;

/// What is around a workflow in a test: it answers what the workflow asks for, and keeps what it
/// did.
///
/// What is asked for and not in the script is a panic that says what to add.
///
/// # Examples
///
/// ```
/// use flawless::testing::World;
/// use flawless::{json, step};
///
/// let world = World::new().step("shop.count", |args| Ok(json!(args.len())));
/// assert_eq!(world.run(|| step::<u32>("shop.count", ("tea",))).unwrap(), 1);
/// ```
pub struct World {
    script: Rc<RefCell<Script>>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world in which nothing is known yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    ///
    /// assert_eq!(World::new().run(|| 1 + 1), 2);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            script: Rc::new(RefCell::new(Script::new(BEGINNING_US))),
        }
    }

    fn with(self, change: impl FnOnce(&mut Script)) -> Self {
        change(&mut self.script.borrow_mut());
        self
    }

    /// Sets the clock: the time at which the workflow begins.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use std::time::SystemTime;
    ///
    /// let world = World::new().clock(SystemTime::UNIX_EPOCH);
    /// assert_eq!(world.run(|| flawless::now()), SystemTime::UNIX_EPOCH);
    /// ```
    #[must_use]
    pub fn clock(self, time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let us = micros(since.unwrap_or_default());
        self.with(|script| script.set_clock(us))
    }

    /// Gives the execution this id, instead of `test`.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    ///
    /// let world = World::new().execution("order-1");
    /// assert_eq!(world.run(|| flawless::execution_id()), "order-1");
    /// ```
    #[must_use]
    pub fn execution(self, id: &str) -> Self {
        self.with(|script| script.execution = id.into())
    }

    /// Chooses other random numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::rand;
    ///
    /// let drawn = |seed| World::new().seed(seed).run(|| rand::u64());
    /// assert_eq!(drawn(1), drawn(1));
    /// assert_ne!(drawn(1), drawn(2));
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.with(|script| script.seed = seed)
    }

    /// Says what a native step returns, given its arguments.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{json, step};
    ///
    /// let world = World::new().step("shop.price", |args| Ok(json!(if args[0] == "tea" { 3 } else { 4 })));
    /// assert_eq!(world.run(|| step::<u32>("shop.price", ("tea",))).unwrap(), 3);
    /// ```
    #[must_use]
    pub fn step(
        self,
        name: &str,
        returns: impl FnMut(&[Value]) -> Result<Value, Fault> + 'static,
    ) -> Self {
        self.with(|script| script.steps.add(name, returns))
    }

    /// Says what a child execution of this workflow returns, given its arguments.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{json, start};
    ///
    /// let world = World::new().child("shop.report", |_| Ok(json!(7)));
    /// assert_eq!(world.run(|| start::<u32>("shop.report", ())?.join()).unwrap(), 7);
    /// ```
    #[must_use]
    pub fn child(
        self,
        workflow: &str,
        returns: impl FnMut(&[Value]) -> Result<Value, Fault> + 'static,
    ) -> Self {
        self.with(|script| script.children.add(workflow, returns))
    }

    /// Says how a server answers requests with this method for this URL.
    ///
    /// The URL is compared without the query; with a `*` at its end, it is all URLs that begin so.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::{Reply, World};
    /// use flawless::{http, json};
    ///
    /// let world = World::new().http("GET", "https://shop.example/stock/*", |request| {
    ///     assert_eq!(request.header("accept"), Some("application/json"));
    ///     Ok(Reply::json(200, &json!({"count": 3})))
    /// });
    /// let count = world.run(|| {
    ///     let url = "https://shop.example/stock/tea";
    ///     let found = http::get(url).header("Accept", "application/json").send()?;
    ///     found.json::<flawless::Value>()
    /// });
    /// assert_eq!(count.unwrap()["count"], 3);
    /// ```
    #[must_use]
    pub fn http(
        self,
        method: &str,
        url: &str,
        answers: impl FnMut(&Request) -> Result<Reply, Fault> + 'static,
    ) -> Self {
        self.with(|script| script.pages.add(method, url, answers))
    }

    /// Puts a message into the inbox.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::receive;
    ///
    /// let world = World::new().message("confirm", &true);
    /// assert!(world.run(|| receive::<bool>("confirm")).unwrap());
    /// ```
    #[must_use]
    pub fn message<T: Serialize + ?Sized>(self, name: &str, payload: &T) -> Self {
        self.message_after(Duration::ZERO, name, payload)
    }

    /// Sends a message when this time has passed in the world.
    ///
    /// # Panics
    ///
    /// When the payload cannot travel.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::receive;
    /// use std::time::Duration;
    ///
    /// let world = World::new().message_after(Duration::from_secs(60), "confirm", &true);
    /// assert!(world.run(|| receive::<bool>("confirm")).unwrap());
    /// assert_eq!(world.elapsed(), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn message_after<T: Serialize + ?Sized>(
        self,
        after: Duration,
        name: &str,
        payload: &T,
    ) -> Self {
        let payload = value::to_string(payload)
            .unwrap_or_else(|wrong| panic!("{}", wrong.about("the payload")));
        self.with(|script| {
            let letter = Letter {
                at: script.now_us.saturating_add(micros(after)),
                name: name.into(),
                payload,
            };
            script.letters.push(letter);
        })
    }

    /// Cancels the execution when this time has passed in the world.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{Kind, sleep};
    /// use std::time::Duration;
    ///
    /// let world = World::new().cancel_after(Duration::from_secs(1), "not needed");
    /// let error = world.run(|| sleep(Duration::from_secs(60))).unwrap_err();
    /// assert_eq!(error.kind(), Kind::Cancelled);
    /// ```
    #[must_use]
    pub fn cancel_after(self, after: Duration, reason: &str) -> Self {
        self.with(|script| {
            let at = script.now_us.saturating_add(micros(after));
            script.cancellation = Some((at, reason.into()));
        })
    }

    /// Says what stands for a secret.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    ///
    /// let world = World::new().secret("TOKEN", "{TOKEN}");
    /// assert_eq!(world.run(|| flawless::secret("TOKEN")).unwrap(), "{TOKEN}");
    /// ```
    #[must_use]
    pub fn secret(self, name: &str, placeholder: &str) -> Self {
        self.with(|script| {
            script.secrets.insert(name.into(), placeholder.into());
        })
    }

    /// Says what a person decides when the workflow parks; several in their order.
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
    /// world.run(|| {
    ///     compensate(|undo| {
    ///         undo.push(|| step::<()>("shop.refund", ()));
    ///         Err::<(), _>(Failure::new("out of tea"))
    ///     })
    ///     .unwrap_err();
    /// });
    /// assert_eq!(world.parked().len(), 1);
    /// ```
    #[must_use]
    pub fn decision(self, decision: Decision) -> Self {
        self.with(|script| script.decisions.push_back(decision))
    }

    /// Runs a workflow, or any code with effects, and returns what it returns.
    ///
    /// A world may run more than one; time goes on, and messages that were not received stay.
    ///
    /// # Panics
    ///
    /// When the workflow asks for what the world does not have, or waits for what never comes.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{Result, workflow};
    ///
    /// #[workflow]
    /// pub fn double(number: u32) -> Result<u32> {
    ///     Ok(2 * number)
    /// }
    ///
    /// # fn main() {
    /// assert_eq!(World::new().run(|| double(3)).unwrap(), 6);
    /// # }
    /// ```
    pub fn run<R>(&self, workflow: impl FnOnce() -> R) -> R {
        let inside = Inside::new(&self.script);
        let result = workflow();
        if host::session(|one| one.cancelled.is_none()) && ending::settle().is_ok() {
            ending::tell_unseen();
        }
        self.script.borrow_mut().next_run = continuation::take().map(|call| script::values(&call));
        drop(inside);
        result
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

/// The world in the engine's place; it leaves it even if the workflow panics.
struct Inside;

impl Inside {
    fn new(script: &Rc<RefCell<Script>>) -> Self {
        assert!(
            !host::session(|one| one.active),
            "a world runs one workflow at a time: say with World::child what a child returns"
        );
        logging::install();
        let (execution, now_us) = {
            let mut script = script.borrow_mut();
            script.begin();
            rand::begin(script.seed);
            (script.execution.clone(), script.now_us)
        };
        host::session(|one| {
            *one = host::Session {
                execution,
                run: 1,
                workflow: "workflow",
                now_us,
                active: true,
                ..host::Session::default()
            };
        });
        let script = Rc::clone(script);
        host::answer_with(Some(Box::new(move |request| answer(&script, request))));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        host::session(|one| *one = host::Session::default());
        host::answer_with(None);
        rand::end();
        continuation::take();
    }
}
