//! Time: what the clock says, and sleeping.

use std::panic::Location;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::future::{Ending, Future, limited};
use crate::host;

/// Sleeps, for seconds or for years.
///
/// Durability: it costs nothing while it lasts, and goes on after a crash for what is left of it.
///
/// # Errors
///
/// [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is cancelled meanwhile,
/// [`Kind::Usage`](crate::Kind::Usage) for more than 100 years.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use std::time::Duration;
///
/// flawless::sleep(Duration::from_secs(2 * 86_400))?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn sleep(length: Duration) -> Result<(), Error> {
    sleep_at(length, Location::caller())
}

pub(crate) fn sleep_at(length: Duration, at: &'static Location<'static>) -> Result<(), Error> {
    host::perform("sleep", &body(length, at)?, at).map(drop)
}

/// Starts a timer and returns at once.
///
/// Durability: a timer goes on after a crash. One that nobody has waited for is given up when the
/// workflow ends.
///
/// # Errors
///
/// [`Kind::Usage`](crate::Kind::Usage) for more than 100 years.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{receive, select, sleep};
/// use std::time::Duration;
///
/// let answer = receive::start::<bool>("approve")?;
/// let late = sleep::start(Duration::from_secs(3 * 86_400))?;
/// let first = select((&answer, &late), None)?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn start(length: Duration) -> Result<Future<()>, Error> {
    let at = Location::caller();
    let label = format!("sleep of {} s", length.as_secs_f64());
    Future::begin("sleep", &body(length, at)?, &label, Ending::Dropped, at)
}

/// Looks at the clock, which never goes backwards within an execution.
///
/// `std::time::SystemTime::now()` gives the same; both are recorded, so a replay sees them again.
///
/// # Examples
///
/// ```no_run
/// let begun = flawless::now();
/// # let _ = begun;
/// ```
#[track_caller]
#[must_use]
pub fn now() -> SystemTime {
    let us = host::clock(Location::caller());
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

fn body(length: Duration, at: &'static Location<'static>) -> Result<String, Error> {
    let length = limited(length, "a sleep", at)?;
    Ok(format!(r#""seconds":{}"#, host::seconds(length)))
}
