//! Messages to other executions.

use std::panic::Location;

use serde::Serialize;

use crate::error::Error;
use crate::future::{Ending, Future};
use crate::{host, names, value};

/// Sends a message to an execution.
///
/// Durability: it is delivered once, and durable when this returns.
///
/// # Errors
///
/// [`Kind::ExecutionNotFound`](crate::Kind::ExecutionNotFound),
/// [`Kind::ExecutionEnded`](crate::Kind::ExecutionEnded),
/// [`Kind::InboxFull`](crate::Kind::InboxFull),
/// [`Kind::InputInvalid`](crate::Kind::InputInvalid) when the payload does not fit what the
/// receiver declares, [`Kind::ValueTooLarge`](crate::Kind::ValueTooLarge).
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// flawless::send("order-42", "confirm", &true)?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn send<T: Serialize + ?Sized>(execution: &str, name: &str, payload: &T) -> Result<(), Error> {
    let at = Location::caller();
    host::perform("send", &body(execution, name, payload, at)?, at)
        .map(drop)
        .map_err(|error| error.of(&label(execution)))
}

/// Sends a message without waiting for it to be taken.
///
/// # Errors
///
/// [`Kind::InputInvalid`](crate::Kind::InputInvalid) when the payload cannot be written; the others
/// of [`send`](crate::send()) come when the future is joined.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let told = flawless::send::start("order-42", "confirm", &true)?;
/// told.join()?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn start<T: Serialize + ?Sized>(
    execution: &str,
    name: &str,
    payload: &T,
) -> Result<Future<()>, Error> {
    let at = Location::caller();
    let body = body(execution, name, payload, at)?;
    Future::begin("send", &body, &label(execution), Ending::Awaited, at)
}

fn label(execution: &str) -> String {
    format!("send to {execution}")
}

fn body<T: Serialize + ?Sized>(
    execution: &str,
    name: &str,
    payload: &T,
    at: &'static Location<'static>,
) -> Result<String, Error> {
    names::check(name, at)?;
    Ok(format!(
        r#""to":{},"name":{},"payload":{}"#,
        host::quoted(execution),
        host::quoted(name),
        value::encode(payload, name, at)?
    ))
}
