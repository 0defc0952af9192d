//! Workflows that live long: `storm_lives.py` in Rust.

use std::time::{Duration, SystemTime};

use flawless::serde_json::{Value, json};
use flawless::{Result, http, rand, receive, sleep, step, workflow};

use super::{Answers, act, or_interrupted, put, sent};

const ROUNDS: usize = 25;
const DAY: Duration = Duration::from_secs(86_400);

/// Steps, requests, pauses and messages, one after the other, for many rounds.
#[workflow(name = "storm_lives.lasts")]
pub fn lasts(ledger: String) -> Result<Answers> {
    let chance = rand::f64();
    let mut answers = Answers::new();
    for n in 0..ROUNDS {
        let name = format!("s{n}");
        put(&mut answers, &name, act(&ledger, &name, chance, n)?);
        let name = format!("p{n}");
        let request = http::put(format!("{ledger}/{name}")).json(&json!({"chance": chance}));
        put(&mut answers, &name, sent(request)?);
        let name = format!("once-{n}");
        let once = step("storm_steps.act_once", (&ledger, &name, n));
        put(&mut answers, &name, or_interrupted(once)?);
        sleep(Duration::from_millis(10))?;
        put(&mut answers, &format!("m{n}"), receive::<Value>("item")?);
    }
    Ok(answers)
}

/// A step, a day of sleep, a step, and a message that does not come within another day.
#[workflow(name = "storm_lives.naps")]
pub fn naps(ledger: String) -> Result<Answers> {
    let began = SystemTime::now();
    let lived = || SystemTime::now().duration_since(began).unwrap_or_default();
    let mut answers = Answers::new();
    put(&mut answers, "before", act(&ledger, "before", 0.0, 1)?);
    sleep(DAY)?;
    put(&mut answers, "slept a day", lived() >= DAY);
    put(&mut answers, "after", act(&ledger, "after", 0.0, 2)?);
    let never = receive::timeout::<Value>("never", DAY)?;
    put(&mut answers, "never", never);
    put(&mut answers, "waited a day", lived() >= 2 * DAY);
    put(&mut answers, "last", act(&ledger, "last", 0.0, 3)?);
    Ok(answers)
}

/// The least of all: a step, a day of sleep, a step.
#[workflow(name = "storm_lives.dozes")]
pub fn dozes(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    put(&mut answers, "before", act(&ledger, "before", 0.0, 1)?);
    sleep(DAY)?;
    put(&mut answers, "after", act(&ledger, "after", 0.0, 2)?);
    Ok(answers)
}
