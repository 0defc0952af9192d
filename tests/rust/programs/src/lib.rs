//! The workflows that the tests run.

mod differential;
mod effects;
mod endings;
mod errors;
mod failures;
mod storm;
mod travel;
mod values;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use flawless::{Result, workflow};

/// What is ordered.
#[flawless::value]
pub struct Order {
    /// How it is called.
    pub item: String,
    /// What it costs.
    pub cents: u32,
}

/// Says hello.
#[workflow]
pub fn hello(name: String) -> String {
    format!("hello {name}")
}

/// Uses the standard library.
#[workflow]
pub fn library(order: Order, count: Option<u32>) -> Result<HashMap<String, u32>> {
    println!("ordered {order:?} at {:?}", SystemTime::now());
    std::thread::sleep(Duration::from_millis(20));
    flawless::sleep(Duration::from_millis(10))?;
    let mut found = HashMap::new();
    found.insert(order.item, order.cents * count.unwrap_or(1));
    Ok(found)
}

/// Panics.
#[workflow]
pub fn panics(n: u32) -> u32 {
    assert!(n > 3, "n is {n}");
    n
}

/// Starts a workflow of another crate, and calls it as well.
#[workflow]
pub fn elsewhere(weight: u32) -> Result<(String, u32, u32)> {
    let child = shared::weigh::start(weight)?;
    Ok((shared::weigh::name(), child.join()?, shared::weigh(weight)))
}

/// Starts two children and adds up.
#[workflow]
pub fn family() -> Result<String> {
    let one = hello::start("one".into())?;
    let two = hello::start("two".into())?;
    Ok(format!("{} {}", one.join()?, two.join()?))
}

/// The same effect, its value as plain JSON: so that futures of all types go into one list.
fn untyped<T>(future: &flawless::Future<T>) -> flawless::Future<flawless::serde_json::Value> {
    flawless::__private::untyped(future)
}
