//! Workflows in Rust, run to completion by Flawless whatever fails.
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
mod workflow;

pub use args::Args;
pub use child::{Child, ChildOptions, ParentClose, child, start};
pub use compensation::{Undo, compensate};
pub use continuation::continue_as_new;
pub use error::Error;
pub use failure::Failure;
pub use flawless_macros::{module, value, workflow};
pub use future::Future;
pub use gathering::{
    AsCompleted, Selected, Selection, Started, as_completed, gather, gather_all, gather2, gather3,
    select,
};
pub use identity::{execution_id, idempotency_key, run};
pub use kinds::Kind;
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

/// Timers: see [`sleep`](fn@sleep).
pub mod sleep {
    pub use crate::time::start;
}

/// What a workflow returns: a value, or a [`Failure`], which knows where it comes from.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

#[doc(hidden)]
pub mod __private {
    pub use crate::compensation::undo_pauses;
    pub use crate::schema::{NoSchema, Schema};
    pub use crate::workflow::{
        Boxed, Call, Module, Outcome, Plain, Registration, Returned, full_name,
    };
    pub use inventory;
    pub use serde_json::{Value, json};

    /// The same effect, its value as plain JSON: for tests that keep futures of all types.
    #[must_use]
    pub fn untyped<T>(future: &crate::Future<T>) -> crate::Future<Value> {
        future.untyped()
    }
}
