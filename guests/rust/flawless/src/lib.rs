//! Workflows in Rust, run to completion by Flawless whatever fails.
//!
//! A workflow is a regular function. It is compiled to WebAssembly and runs in a guest that reaches
//! the outside world only through the engine, which keeps every answer in a journal. When the
//! process dies, the engine starts the function again and answers from the journal until it is back
//! where it was: nothing in the outside world happens twice.
//!
//! ```no_run
//! use flawless::{Result, compensate, receive, step, workflow};
//! use std::time::Duration;
//!
//! #[flawless::value]
//! pub struct Order {
//!     item: String,
//!     cents: u32,
//! }
//!
//! /// Sells what is ordered.
//! #[workflow]
//! pub fn checkout(order: Order, card: String) -> Result<String> {
//!     compensate(|undo| {
//!         let payment: String = step("shop.charge", (&card, order.cents))?;
//!         undo.push(move || step::<()>("shop.refund", (&payment,)));
//!         flawless::sleep(Duration::from_secs(2 * 86_400))?;
//!         if receive::timeout::<bool>("confirm", Duration::from_secs(3600))?.is_none() {
//!             return Err(flawless::Failure::new("nobody has confirmed the order"));
//!         }
//!         Ok(step("shop.ship", (&order.item,))?)
//!     })
//! }
//! # fn main() {}
//! ```
//!
//! | to | there is |
//! |---|---|
//! | define workflows | [`workflow`](macro@workflow), [`module!`] |
//! | carry values, and read those of Python | [`value`](macro@value), [`values`] |
//! | call native Python functions | [`step()`], [`step::start`] |
//! | send HTTP requests | [`http`], [`secret`] |
//! | wait | [`sleep()`], [`sleep::start`], [`now()`] |
//! | talk | [`receive()`], [`receive::timeout`], [`receive::message`], [`send()`], [`publish`], [`respond`] |
//! | do several things at once | [`Future`], [`gather`], [`gather_all`], [`select`], [`as_completed`] |
//! | start other workflows | [`start`], [`child`], [`continue_as_new`] |
//! | undo | [`compensate`] |
//! | tell what goes on | the macros of [`log`], `println!` |
//! | draw random numbers | [`rand`] |
//! | test without an engine | [`testing`] |
//!
//! Effects wait without `async`, and give a [`Result`](std::result::Result) with an [`Error`] that
//! `?` hands on. Its [`Kind`] tells what to do about it; [`Kind::Cancelled`] says that the
//! execution is cancelled: the workflow may clean up, and ends. What cannot be mended is a
//! [`Failure`], or a panic: both end the execution, with file and line.
//!
//! The standard library works as it is: `SystemTime::now()`, `Instant`, `thread::sleep`, `println!`
//! and `HashMap` are deterministic, and durable where they need be. There are no files, no sockets
//! and no threads in a guest.
#![warn(missing_docs)]
#![cfg_attr(
    not(target_family = "wasm"),
    allow(
        dead_code,
        reason = "outside of a guest nobody calls the component's exports"
    )
)]

#[cfg(target_family = "wasm")]
mod abi;
mod args;
mod base64;
mod blake2b;
mod child;
mod compensation;
mod continuation;
mod ending;
mod error;
mod failure;
mod future;
mod gathering;
mod host;
pub mod http;
mod identity;
mod kinds;
mod logging;
mod names;
mod panics;
pub mod rand;
pub mod receive;
mod report;
mod schema;
pub mod send;
mod source;
mod state;
pub mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod time;
mod value;
pub mod values;
mod workflow;

pub use args::Args;
pub use child::{Child, ChildOptions, ParentClose, child, start};
pub use compensation::{Undo, compensate};
pub use continuation::continue_as_new;
pub use error::Error;
pub use failure::Failure;
/// Names the module that the crate's workflows belong to, and its version: once in a crate.
///
/// Without it, the module is called like the crate, and has the version of `Cargo.toml`. It speaks
/// for the crate that it stands in alone.
///
/// Workflows of a crate that others depend on are part of each component that is linked with it.
/// They keep their names, which begin with that of their own crate, as in `common.audit`; the
/// component is called like the crate that `flawless build` makes it of. What is made by cargo
/// itself has to have workflows of one crate only.
///
/// # Examples
///
/// ```no_run
/// flawless::module! { name = "shop", version = "2.1" }
/// # fn main() {}
/// ```
pub use flawless_macros::module;
/// Makes a struct or an enum a value that workflows, steps and messages carry.
///
/// It derives `Debug`, `Clone`, [`Serialize`], [`Deserialize`] and [`JsonSchema`], so that its form
/// is described to those who start the workflow. Attributes of `serde` work as they do there.
///
/// # Examples
///
/// ```
/// #[flawless::value]
/// #[serde(rename_all = "camelCase")]
/// pub struct Order {
///     /// What is ordered.
///     pub item_name: String,
///     #[serde(default)]
///     pub count: u32,
/// }
/// # fn main() {
/// let order: Order = serde_json::from_str(r#"{"itemName": "tea"}"#).unwrap();
/// assert_eq!((order.item_name.as_str(), order.count), ("tea", 0));
/// # }
/// ```
pub use flawless_macros::value;
/// Makes a function a workflow, which the engine runs to its end whatever fails.
///
/// It is started by the name `module.function`, or by the one that `name` gives. Its parameters
/// and its result are values: whatever `serde` reads and writes, described by their JSON Schema
/// where they have one. A parameter that is an `Option` may be left out. It may return a plain
/// value, or a `Result` with any error; [`Result`] knows the line of a failure.
///
/// Called by another workflow it is an ordinary function. Beside it stands a function `start` of
/// the same parameters, which starts it as a [`Child`]: `checkout::start(order, card)?`.
///
/// `deadline` cancels an execution that takes longer; `messages` declares what it receives, so that
/// a message that does not fit is refused where it is sent.
///
/// # Examples
///
/// ```no_run
/// use flawless::{Result, receive, workflow};
///
/// #[flawless::value]
/// pub struct Confirm {
///     by: String,
/// }
///
/// /// Waits until somebody confirms.
/// #[workflow(name = "approval", deadline = "30d", messages(confirm = Confirm))]
/// pub fn approve(subject: String, note: Option<String>) -> Result<String> {
///     let confirm: Confirm = receive("confirm")?;
///     Ok(confirm.by)
/// }
///
/// #[workflow]
/// pub fn approve_both(one: String, other: String) -> Result<()> {
///     flawless::gather([approve::start(one, None)?, approve::start(other, None)?])?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub use flawless_macros::workflow;
pub use future::Future;
pub use gathering::{
    AsCompleted, Selected, Selection, Started, as_completed, gather, gather_all, gather2, gather3,
    select,
};
pub use identity::{execution_id, idempotency_key, run};
pub use kinds::Kind;
/// The crate `log`: what its macros log is kept with the execution, at INFO and above.
///
/// `log::set_max_level` changes that. The logger is named like the Rust module, or as `target`
/// says; the levels are those of Python, TRACE being 5.
///
/// Durability: a message is journaled like other effects, and so logged once.
///
/// # Examples
///
/// ```no_run
/// # let item = "tea";
/// flawless::log::info!("packing {item}");
/// flawless::log::warn!(target: "shop.stock", "nearly out of {item}");
/// ```
pub use log;
pub use receive::{Message, receive};
pub use schemars::JsonSchema;
pub use send::send;
pub use serde::{Deserialize, Serialize};
pub use serde_json::{Value, json};
pub use state::{publish, respond, secret};
pub use step::step;
pub use time::{now, sleep};
#[doc(hidden)]
pub use {schemars, serde, serde_json};

/// Timers that run beside the workflow; [`sleep`](fn@sleep) waits for one.
pub mod sleep {
    pub use crate::time::start;
}

/// What a workflow returns: a value, or a [`Failure`], which knows where it comes from.
///
/// # Examples
///
/// ```
/// fn half(number: u32) -> flawless::Result<u32> {
///     if number % 2 == 1 {
///         return Err(flawless::Failure::new(format!("{number} is odd")));
///     }
///     Ok(number / 2)
/// }
/// # assert!(half(3).is_err());
/// ```
pub type Result<T, E = Failure> = std::result::Result<T, E>;

#[doc(hidden)]
pub mod __private {
    pub use crate::compensation::undo_pauses;
    pub use crate::schema::{NoSchema, Schema};
    pub use crate::workflow::{
        Boxed, Call, Message, Module, Otherwise, Outcome, Parameter, Plain, Registration, Required,
        Returned, Typed, full_name,
    };
    pub use inventory;
    pub use serde_json::{Value, json};

    /// The same effect, its value as plain JSON: for tests that keep futures of all types.
    #[must_use]
    pub fn untyped<T>(future: &crate::Future<T>) -> crate::Future<Value> {
        future.untyped()
    }
}
