//! The workflows of the storms, which are killed everywhere: in Rust what
//! `tests/crash/storm_workflows.py` is in Python, with the same names and the same native steps.

mod conversations;
mod lives;
mod repairs;

use std::thread;
use std::time::{Duration, SystemTime};

use flawless::serde_json::{Map, Value, json};
use flawless::{Error, Future, Kind, Result, as_completed, http, rand, sleep, step, workflow};

/// What effects answered, by their names.
pub type Answers = Map<String, Value>;

/// Notes an answer.
pub fn put(answers: &mut Answers, name: &str, value: impl Into<Value>) {
    answers.insert(name.into(), value.into());
}

/// Milliseconds.
pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The time in nanoseconds since the epoch.
pub fn time_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("it is after 1970").as_nanos()).expect("it is before 2500")
}

/// An ordinary step.
#[track_caller]
pub fn act(ledger: &str, name: &str, chance: f64, amount: usize) -> Result<String, Error> {
    step("storm_steps.act", (ledger, name, chance, amount))
}

/// Starts an ordinary step.
#[track_caller]
pub fn start_act(ledger: &str, name: &str, amount: usize) -> Result<Future<String>, Error> {
    step::start("storm_steps.act", (ledger, name, 0.0, amount))
}

/// Starts a step that runs on the engine's loop.
#[track_caller]
pub fn start_async(ledger: &str, name: &str, amount: usize) -> Result<Future<String>, Error> {
    step::start("storm_steps.act_async", (ledger, name, amount))
}

/// A step whose first attempts fail.
#[track_caller]
pub fn act_flaky(ledger: &str, name: &str, failures: usize) -> Result<String, Error> {
    step("storm_steps.act_flaky", (ledger, name, failures))
}

/// What an effect answered, or "interrupted".
pub fn or_interrupted(answer: Result<String, Error>) -> Result<String, Error> {
    match answer {
        Err(error) if error.kind() == Kind::Interrupted => Ok("interrupted".into()),
        other => other,
    }
}

/// What the ledger answered to a request.
#[track_caller]
pub fn answer(response: &http::Response) -> Result<String, Error> {
    let body: Value = response.json()?;
    Ok(body["answer"].as_str().unwrap_or_default().into())
}

/// The answer to a request that is sent and waited for.
#[track_caller]
pub fn sent(request: http::Request) -> Result<String, Error> {
    answer(&request.send()?)
}

/// The answer to a request that was sent.
#[track_caller]
pub fn joined(request: &Future<http::Response>) -> Result<String, Error> {
    answer(&request.join()?)
}

/// Steps one after the other, with randomness and time between them.
#[workflow(name = "storm_workflows.steps")]
pub fn steps(ledger: String) -> Result<Answers> {
    let (chance, began) = (rand::f64(), SystemTime::now());
    let mut answers = Answers::new();
    put(&mut answers, "first", act(&ledger, "first", chance, 1)?);
    println!("uuid {}", rand::uuid());
    let second = start_async(&ledger, "second", 2)?.join()?;
    let third = act(&ledger, "third", chance, second.len())?;
    put(&mut answers, "second", second);
    put(&mut answers, "third", third);
    match step::<String>("storm_steps.act_broken", (&ledger, "broken")) {
        Err(error) if error.type_name() == "ValueError" => {
            put(&mut answers, "broken", error.message());
        }
        other => put(&mut answers, "broken", other?),
    }
    put(&mut answers, "time goes on", SystemTime::now() >= began);
    Ok(answers)
}

/// HTTP of each kind, and steps that must not be repeated.
#[workflow(name = "storm_workflows.requests")]
pub fn requests(ledger: String) -> Result<Answers> {
    let chance = rand::f64();
    let body = json!({"chance": chance});
    let post = |name: &str| http::post(format!("{ledger}/{name}")).json(&body);
    let mut answers = Answers::new();
    put(
        &mut answers,
        "get",
        sent(http::get(format!("{ledger}/get")))?,
    );
    put(
        &mut answers,
        "once-post",
        or_interrupted(sent(post("once-post")))?,
    );
    let request = http::put(format!("{ledger}/put")).json(&body);
    put(&mut answers, "put", sent(request)?);
    let once = step("storm_steps.act_once", (&ledger, "once-step", 5));
    put(&mut answers, "once-step", or_interrupted(once)?);
    let again = sent(post("again").idempotent());
    put(&mut answers, "again", or_interrupted(again)?);
    put(
        &mut answers,
        "once-more",
        or_interrupted(sent(post("once-more")))?,
    );
    Ok(answers)
}

/// Steps that fail before they succeed.
#[workflow(name = "storm_workflows.retries")]
pub fn retries(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    put(&mut answers, "steady", act_flaky(&ledger, "steady", 0)?);
    put(&mut answers, "flaky", act_flaky(&ledger, "flaky", 3)?);
    match act_flaky(&ledger, "hopeless", 9) {
        Err(error) if error.type_name() == "ConnectionError" => {
            put(&mut answers, "hopeless", error.message());
        }
        other => put(&mut answers, "hopeless", other?),
    }
    Ok(answers)
}

/// Sleeps that last (the guest is dropped meanwhile) and sleeps that do not.
#[workflow(name = "storm_workflows.sleeps")]
pub fn sleeps(ledger: String) -> Result<Answers> {
    let (chance, began) = (rand::f64(), SystemTime::now());
    let mut answers = Answers::new();
    put(&mut answers, "before", act(&ledger, "before", chance, 0)?);
    sleep(ms(20))?;
    put(&mut answers, "between", act(&ledger, "between", chance, 1)?);
    thread::sleep(ms(400));
    let posted = sent(http::post(format!("{ledger}/once-post")));
    put(&mut answers, "once-post", or_interrupted(posted)?);
    sleep(ms(300))?;
    put(&mut answers, "after", act(&ledger, "after", chance, 2)?);
    let slept = SystemTime::now().duration_since(began).unwrap_or_default();
    put(&mut answers, "slept long enough", slept >= ms(720));
    Ok(answers)
}

/// Effects that are started and waited for in another order, later, or not at all.
#[workflow(name = "storm_workflows.futures")]
pub fn futures(ledger: String) -> Result<Answers> {
    let mut started = Vec::new();
    for name in ["a", "b", "c"] {
        started.push((
            name,
            http::put(format!("{ledger}/{name}"))
                .json(&json!({}))
                .start()?,
        ));
    }
    let slow = http::get(format!("{ledger}/slow?delay=0.8")).start()?;
    let dropped = http::get(format!("{ledger}/maybe-dropped?delay=5")).start()?;
    let once: Future<String> = step::start("storm_steps.act_once", (&ledger, "once-started", 1))?;
    let forgotten = start_act(&ledger, "maybe-forgotten", 1)?;
    sleep(ms(20))?;
    let mut answers = Answers::new();
    for (name, request) in started.into_iter().rev() {
        put(&mut answers, name, joined(&request)?);
    }
    dropped.drop();
    put(&mut answers, "once-started", or_interrupted(once.join())?);
    put(&mut answers, "slow", joined(&slow)?); // the guest is evicted while it waits
    let _ = forgotten.done();
    put(&mut answers, "forgotten", true);
    Ok(answers)
}

/// Many things at the same time.
#[workflow(name = "storm_workflows.concurrent")]
pub fn concurrent(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    let get = http::get(format!("{ledger}/g1")).start()?;
    let put_ = http::put(format!("{ledger}/p1")).json(&json!({})).start()?;
    let post = http::post(format!("{ledger}/once-p2"))
        .json(&json!({}))
        .start()?;
    works(&ledger, &[("w1", 2), ("w2", 1)], &mut answers)?;
    put(&mut answers, "g1", joined(&get)?);
    put(&mut answers, "p1", joined(&put_)?);
    put(&mut answers, "once-p2", or_interrupted(joined(&post))?);
    let late = http::get(format!("{ledger}/maybe-late?delay=5")).start()?;
    if let Some(response) = late.join_timeout(ms(150))? {
        put(&mut answers, "late", answer(&response)?);
    } else {
        late.drop();
        put(&mut answers, "late", "gave up");
    }
    works(&ledger, &[("t0", 0), ("t1", 1), ("t2", 2)], &mut answers)?;
    Ok(answers)
}

/// Pieces of work, each a pause and then a step, all at the same time.
fn works(ledger: &str, parts: &[(&str, usize)], answers: &mut Answers) -> Result<(), Error> {
    let mut pauses = Vec::new();
    for (_, amount) in parts {
        pauses.push(sleep::start(ms(10 * *amount as u64))?);
    }
    let mut steps = Vec::new();
    for completed in as_completed(pauses) {
        let (name, amount) = parts[completed?.0];
        steps.push((name, start_async(ledger, name, amount)?));
    }
    for (name, work) in steps {
        put(answers, name, work.join()?);
    }
    Ok(())
}

/// Steps in worker processes.
#[workflow(name = "storm_workflows.processes")]
pub fn processes(ledger: String) -> Result<Answers> {
    let mut answers = Answers::new();
    let one: String = step("storm_steps.act_apart", (&ledger, "one", 1))?;
    put(&mut answers, "one", one);
    let two = step::start::<String>("storm_steps.act_apart", (&ledger, "two", 2))?;
    put(&mut answers, "two", two.join()?);
    Ok(answers)
}

/// A loop of small effects, so that there is a journal to come back along.
#[workflow(name = "storm_workflows.many")]
pub fn many(ledger: String) -> Result<Answers> {
    let chance = rand::f64();
    let mut total = 0;
    let mut answers = Answers::new();
    for n in 0..6 {
        let name = format!("e{n}");
        let got = act(&ledger, &name, chance, total)?;
        total += got.bytes().map(usize::from).sum::<usize>();
        put(&mut answers, &name, got);
        println!("{n} {} {}", rand::f64(), time_ns());
    }
    Ok(answers)
}
