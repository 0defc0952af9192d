//! What the comparison with other engines runs; `benchmarks/peers/peer.py` tells what each does.

use std::time::Duration;

use flawless::{Result, sleep, step, workflow};

/// A step of `benchmarks/peers/engines/flawless_steps.py`.
const NOOP_STEP: &str = "benchmarks.peers.engines.flawless_steps.noop_step";
/// Another one, which leaves a mark.
const MARK: &str = "benchmarks.peers.engines.flawless_steps.mark";

/// Returns at once.
#[workflow(name = "peers.noop")]
pub fn noop() -> u64 {
    0
}

/// Calls a step so often, one after the other, and sums up its results.
#[workflow(name = "peers.steps")]
pub fn steps(count: u64) -> Result<u64> {
    let mut total = 0;
    for number in 0..count {
        total += step::<u64>(NOOP_STEP, (number,))?;
    }
    Ok(total)
}

/// Sleeps.
#[workflow(name = "peers.sleeper")]
pub fn sleeper(seconds: f64) -> Result<u64> {
    sleep(Duration::from_secs_f64(seconds))?;
    Ok(1)
}

/// Marks, sleeps, marks.
#[workflow(name = "peers.nap")]
pub fn nap(execution: String, seconds: f64) -> Result<u64> {
    step::<u64>(MARK, ("a", &execution))?;
    sleep(Duration::from_secs_f64(seconds))?;
    Ok(step(MARK, ("b", &execution))?)
}

/// Marks so often; the second mark blocks while the gate is shut.
#[workflow(name = "peers.blocked")]
pub fn blocked(execution: String, count: u64) -> Result<u64> {
    let mut total = 0;
    for number in 0..count {
        total += step::<u64>(MARK, (format!("s{number}"), &execution))?;
    }
    Ok(total)
}

/// Calls a step so often, then marks; the mark blocks while the gate is shut.
#[workflow(name = "peers.long")]
pub fn long(execution: String, count: u64) -> Result<u64> {
    let total = steps(count)?;
    Ok(total + step::<u64>(MARK, ("s1", &execution))?)
}
