//! Workflows that end badly in Rust: cancelled, failed, or with a panic, whatever their errors are
//! wrapped in.

use std::time::Duration;

use flawless::{
    Error, Failure, Result, Value, as_completed, continue_as_new, http, receive, respond, send,
    sleep, start, step, workflow,
};

const SECOND: Duration = Duration::from_secs(1);

/// Tells that it runs, and sleeps until it is cancelled.
fn rest() -> std::result::Result<(), Error> {
    respond("ready")?;
    sleep(100 * SECOND)
}

/// Gets a page that is not there.
#[workflow]
pub fn missing_page() -> Result<String> {
    Ok(http::get("https://shop.example/missing")
        .send()?
        .error_for_status()?
        .text())
}

/// Fails as its child does.
#[workflow]
pub fn child_fails() -> Result<Value> {
    Ok(start::<Value>("app.declined", ())?.join()?)
}

/// Is cancelled, and fails with another error.
#[workflow]
pub fn cancelled_then_fails() -> Result<()> {
    if sleep(100 * SECOND).is_err() {
        return Err(Failure::new("cannot be cleaned up"));
    }
    Ok(())
}

/// An error that wraps another one.
#[derive(Debug)]
pub struct Wrapped(Error);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("wrapped")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// An error that hides another one, as those of some crates do.
#[derive(Debug)]
pub struct Hidden(Error);

impl std::fmt::Display for Hidden {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Hidden {}

/// Is cancelled, the error being of the effect's own type.
#[workflow]
pub fn cancelled_plain() -> std::result::Result<(), Error> {
    rest()
}

/// Is cancelled, the error being in a box.
#[workflow]
pub fn cancelled_boxed() -> std::result::Result<(), Box<dyn std::error::Error>> {
    rest()?;
    Ok(())
}

/// Is cancelled, the error being in a box that may be sent.
#[workflow]
pub fn cancelled_sent() -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
    rest()?;
    Ok(())
}

/// Is cancelled, the error being the cause of another one.
#[workflow]
pub fn cancelled_wrapped() -> Result<()> {
    rest().map_err(Wrapped)?;
    Ok(())
}

/// Is cancelled, the error being hidden by another one.
#[workflow]
pub fn cancelled_hidden() -> std::result::Result<(), Hidden> {
    rest().map_err(Hidden)
}

/// Begins the next run with an error in a box.
#[workflow]
pub fn continues_boxed(n: u32) -> std::result::Result<u32, Box<dyn std::error::Error>> {
    if n == 3 {
        return Ok(n);
    }
    continue_as_new((n + 1,))
}

/// Begins the next run with an error that is hidden.
#[workflow]
pub fn continues_hidden(n: u32) -> std::result::Result<u32, Hidden> {
    if n == 3 {
        return Ok(n);
    }
    continue_as_new::<_, Error>((n + 1,)).map_err(Hidden)
}

fn deep(text: &str) -> Result<u32> {
    let number: u32 = text.parse()?;
    Ok(number)
}

fn deeper(text: &str) -> Result<u32> {
    deep(text)
}

/// Fails two functions below.
#[workflow]
pub fn fails_below() -> Result<u32> {
    deeper("x")
}

fn charged(card: &str) -> std::result::Result<u32, Error> {
    step("app.declined", (card,))
}

/// Fails as a step does that it calls through a function.
#[workflow]
pub fn step_fails() -> Result<u32> {
    let receipt = charged("4242")?;
    Ok(receipt)
}

/// Fails for want of a connection.
#[workflow]
pub fn no_connection() -> Result<String> {
    Ok(http::get("https://shop.example/down").send()?.text())
}

/// Fails for want of a receiver.
#[workflow]
pub fn no_receiver() -> Result<()> {
    Ok(send("nobody", "note", &())?)
}

/// Responds twice, which is a failure.
#[workflow]
pub fn responds_twice() -> Result<()> {
    respond(&1)?;
    Ok(respond(&2)?)
}

/// Waits for a message that nobody can send.
#[workflow]
pub fn bad_name() -> Result<()> {
    Ok(receive(":odd")?)
}

/// Does not wait long enough.
#[workflow]
pub fn late() -> Result<()> {
    for completed in as_completed([sleep::start(9 * SECOND)?]).timeout(SECOND)? {
        completed?.1.join()?;
    }
    Ok(())
}

/// Fails with an error of a type of its own.
#[workflow]
pub fn fails_typed() -> std::result::Result<(), std::num::ParseIntError> {
    "x".parse::<u32>().map(drop)
}

/// Fails with a text.
#[workflow]
pub fn fails_with_text() -> std::result::Result<(), String> {
    Err("only a text".into())
}

fn check(value: u32) -> u32 {
    assert!(value > 3, "value is {value}");
    value
}

fn boxed() -> std::result::Result<u32, Box<dyn std::error::Error>> {
    Ok("x".parse()?)
}

/// Fails with what was in a box.
#[workflow]
pub fn fails_boxed() -> std::result::Result<u32, Box<dyn std::error::Error>> {
    boxed()
}

/// Fails with what was in a box, and says where.
#[workflow]
pub fn fails_wrapped() -> Result<u32> {
    boxed().map_err(|error| Failure::wrap(error))
}

/// Fails with what a step raised, as the cause of another error.
#[workflow]
pub fn fails_with_a_cause() -> Result<u32> {
    Ok(charged("4242").map_err(Wrapped)?)
}

/// Fails through a function that is called by the standard library.
#[workflow]
pub fn fails_mapped() -> Result<u32> {
    charged("4242").map_err(Failure::from)
}

/// Fails where the standard library joins what was started.
#[workflow]
pub fn fails_in_a_map() -> Result<Vec<u32>> {
    let started = [step::start::<u32>("app.declined", ())?];
    let joined: std::result::Result<_, Error> =
        started.iter().map(flawless::Future::join).collect();
    Ok(joined?)
}

/// Panics in a function that it calls.
#[workflow]
pub fn panics_below() -> u32 {
    check(1)
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        panic!("in the destructor");
    }
}

/// Panics where a value is dropped.
#[workflow]
pub fn panics_in_drop() {
    let _guard = Guard;
}

/// Panics while a value is to be dropped that would panic, too.
#[workflow]
pub fn panics_twice() {
    let _guard = Guard;
    panic!("first");
}
