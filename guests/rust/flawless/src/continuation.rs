//! The end of a run that is the beginning of the next one.

use std::cell::Cell;
use std::panic::Location;

use crate::args::Args;
use crate::error::{Error, Kind};
use crate::host;
use crate::workflow::Call;

thread_local! {
    static NEXT: Cell<Option<String>> = const { Cell::new(None) };
}

/// Ends this run and begins the next one, with these arguments and an empty journal.
///
/// It gives an error that the workflow hands on, with `return` or with `?`; any `T` will do for
/// the value that never comes. The execution keeps its id, its messages and what it published.
///
/// Durability: what was started is waited for first, as at any end of a workflow. The next run
/// begins in the same commit that ends this one.
///
/// # Errors
///
/// Always: [`Kind::ContinueAsNew`], or [`Kind::InputInvalid`] for arguments that are not those of
/// the workflow.
///
/// # Examples
///
/// ```no_run
/// use flawless::{Result, workflow};
///
/// #[workflow]
/// pub fn count(from: u64) -> Result<u64> {
///     for n in from..from + 1000 {
///         flawless::publish(&n)?;
///     }
///     flawless::continue_as_new((from + 1000,))
/// }
/// # fn main() {}
/// ```
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "a call gives its arguments away"
)]
pub fn continue_as_new<T, E: From<Error>>(args: impl Args) -> Result<T, E> {
    Err(ended_by(&args, Location::caller()).into())
}

/// Notes the arguments of the next run; returns what ends this one, or the error that it is not so.
fn ended_by(args: &impl Args, at: &'static Location<'static>) -> Error {
    next_call(args, at).map_or_else(
        |error| error,
        |call| {
            let message = format!("the workflow continues as new with {call}");
            NEXT.set(Some(call));
            Error::own(Kind::ContinueAsNew, "ContinueAsNew", message, at)
        },
    )
}

fn next_call(args: &impl Args, at: &'static Location<'static>) -> Result<String, Error> {
    if !host::session(|one| one.active) {
        return Err(Error::usage(
            "no workflow runs here: call continue_as_new inside one".into(),
            at,
        ));
    }
    let call = args.encode("continue_as_new", at)?;
    if let Some(fits) = host::session(|one| one.fits) {
        let read: Call = serde_json::from_str(&call)
            .map_err(|error| Error::usage(format!("continue_as_new: {error}"), at))?;
        fits(&read, at)?;
    }
    Ok(call)
}

/// The arguments of the next run, if there is to be one.
pub(crate) fn take() -> Option<String> {
    NEXT.take()
}
