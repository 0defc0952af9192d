//! Native Python steps, called by name.

use std::panic::Location;

use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::error::Error;
use crate::future::{Ending, Future};
use crate::{host, value};

/// Runs a native step and waits for its result. Its module has to be served beside the component.
///
/// Durability: the result is journaled. After a crash the step is run again, at least once, unless
/// it is declared `at_most_once`.
///
/// The result is read as a `T`; with `()` it is not looked at.
///
/// # Errors
///
/// [`Kind::StepFailed`](crate::Kind::StepFailed) with the exception that it raised,
/// [`Kind::StepTimeout`](crate::Kind::StepTimeout), [`Kind::Interrupted`](crate::Kind::Interrupted)
/// for a step that is run at most once, [`Kind::InputInvalid`](crate::Kind::InputInvalid) when the
/// arguments cannot be written or the result is no `T`, and
/// [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is cancelled meanwhile.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let reference: String = flawless::step("shop.charge", ("4242", 1290))?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "a call gives its arguments away"
)]
pub fn step<T: DeserializeOwned>(name: &str, args: impl Args) -> Result<T, Error> {
    let at = Location::caller();
    let value = host::perform("step", &body(name, &args, at)?, at)
        .map_err(|error| error.of(&format!("step {name}")))?;
    value::decode(&value, name, at)
}

/// Starts a native step and returns at once.
///
/// Durability: as [`step`](fn@step). A step that nobody waits for is performed all the same, and the
/// workflow ends after it.
///
/// # Errors
///
/// [`Kind::InputInvalid`](crate::Kind::InputInvalid) for arguments that cannot be written. The
/// step's own error comes when the future is joined.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let stock = flawless::step::start::<u32>("shop.look_up", ("tea",))?;
/// let price = flawless::step::start::<u32>("shop.ask_price", ("tea",))?;
/// println!("{} at {}", stock.join()?, price.join()?);
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "a call gives its arguments away"
)]
pub fn start<T: DeserializeOwned>(name: &str, args: impl Args) -> Result<Future<T>, Error> {
    let at = Location::caller();
    let label = format!("step {name}");
    Future::begin("step", &body(name, &args, at)?, &label, Ending::Awaited, at)
}

fn body(name: &str, args: &impl Args, at: &'static Location<'static>) -> Result<String, Error> {
    Ok(format!(
        r#""name":{},"args":{}"#,
        host::quoted(name),
        args.encode(name, at)?
    ))
}
