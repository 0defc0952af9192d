//! The workflows of `benchmarks/workloads.py`, in Rust.

use flawless::{Result, receive, step, workflow};

mod peers;

/// Returns at once.
#[workflow]
pub fn noop() -> u64 {
    0
}

/// Calls a step so often, one after the other.
#[workflow]
pub fn steps(count: u64) -> Result<u64> {
    let mut number = 0;
    for _ in 0..count {
        number = step("benchmarks.natives.add_one", (number,))?;
    }
    Ok(number)
}

/// Waits for a message.
#[workflow]
pub fn waiter() -> Result<u64> {
    Ok(receive("go")?)
}
