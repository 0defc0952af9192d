//! Time: what the clock says, and sleeping.

use std::panic::Location;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::future::{Ending, Future};
use crate::host;

/// Sleeps, for seconds or for years. It costs nothing while it lasts and survives restarts.
///
/// # Errors
///
/// [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is cancelled meanwhile.
#[track_caller]
pub fn sleep(length: Duration) -> Result<(), Error> {
    let at = Location::caller();
    host::perform("sleep", &body(length), at).map(drop)
}

/// Starts a timer and returns at once.
///
/// # Errors
///
/// Outside of a workflow.
#[track_caller]
pub fn start(length: Duration) -> Result<Future<()>, Error> {
    Future::begin("sleep", &body(length), Ending::Dropped, Location::caller())
}

/// The time, which never goes backwards within an execution.
#[track_caller]
#[must_use]
pub fn now() -> SystemTime {
    let us = host::clock(Location::caller());
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

fn body(length: Duration) -> String {
    format!(r#""seconds":{}"#, host::number(length.as_secs_f64()))
}
