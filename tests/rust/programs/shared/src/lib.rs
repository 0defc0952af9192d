//! A crate that others depend on, with a workflow and a module of its own.

use flawless::workflow;

flawless::module! { name = "common", version = "7" }

/// Takes a parameter that is called like the function.
#[workflow]
pub fn weigh(weigh: u32) -> u32 {
    weigh + 1
}
