//! Orders whose executions are looked at afterwards, place by place.

use std::time::Duration;

use flawless::{Error, Failure, Result, publish, receive, sleep, step, workflow};

/// Weighs an item, some distance away from the workflow that wants to know.
fn weigh(item: &str, round: u32) -> Result<u32, Error> {
    step("travel_steps.weigh", (item, round))
}

/// Charges, weighs three times, packs, and waits for a word.
#[workflow]
pub fn ordered(item: String, cents: u32) -> Result<String> {
    let payment: String = step("travel_steps.charge", (&item, cents))?;
    println!("{item} is paid");
    let packing = step::start::<u32>("travel_steps.pack", (&item,))?;
    let mut grams = 0;
    for round in 0..3 {
        grams += weigh(&item, round)?;
    }
    sleep(Duration::from_millis(1))?;
    let boxes = packing.join()?;
    publish(&grams)?;
    let word: String = receive("word")?;
    match word.as_str() {
        "panic" => panic!("{payment} is lost"),
        "abort" => std::process::abort(),
        "fail" => Err(Failure::new(format!("{payment} goes back"))),
        _ => Ok(format!("{grams} g in {boxes} boxes, {word}")),
    }
}

/// Waits for a word, and says what it was.
#[workflow]
pub fn awaited() -> Result<String> {
    let word: String = receive("word")?;
    Ok(format!("heard {word}"))
}

/// Has another name in the tests' changed component.
#[workflow]
pub fn renamed() -> Result<u32> {
    sleep(Duration::from_millis(1))?;
    Ok(1)
}

/// Returns while somebody packs, which is awaited.
#[workflow]
pub fn leaves() -> Result<u32> {
    let _packing = step::start::<u32>("travel_steps.pack", ("tea",))?;
    Ok(1)
}
