//! Messages to this execution.
//!
//! [`receive`](crate::receive()) waits for one message by its name; the functions here wait for a
//! while only, for one of several names, or beside other effects.

use std::panic::Location;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::future::{Ending, Future, micros};
use crate::{host, names, value};

/// A message that was received.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// if let Some(message) = flawless::receive::message(&["add", "remove"], None)? {
///     println!("{} {:?}", message.name, message.id);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    /// Its name.
    pub name: String,
    /// The id that its sender gave it, if any.
    pub id: Option<String>,
    payload: String,
    at: &'static Location<'static>,
}

impl Message {
    /// Reads the payload.
    ///
    /// # Errors
    ///
    /// [`Kind::InputInvalid`](crate::Kind::InputInvalid) when it is no `T`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// if let Some(message) = flawless::receive::message(&[], None)? {
    ///     let payload: flawless::Value = message.payload()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        value::decode(&self.payload, &self.name, self.at)
    }
}

/// Waits for a message of this name and returns its payload.
///
/// Durability: a message is taken from the inbox in the same commit that tells the workflow of it;
/// it is received once, whatever fails.
///
/// # Errors
///
/// [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is cancelled meanwhile,
/// [`Kind::InputInvalid`](crate::Kind::InputInvalid) when the payload is no `T` (the message is
/// taken all the same), [`Kind::Usage`](crate::Kind::Usage) for a name that no message can have.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let approved: bool = flawless::receive("approve")?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn receive<T: DeserializeOwned>(name: &str) -> Result<T, Error> {
    let at = Location::caller();
    match wait(&[name], None, at)? {
        Some(message) => message.payload(),
        None => unreachable!("there is no timeout"),
    }
}

/// Waits for a message of this name, at most for a while; none when the time has passed.
///
/// # Errors
///
/// As [`receive`](crate::receive()); [`Kind::Usage`](crate::Kind::Usage) for more than 100 years.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use std::time::Duration;
///
/// if flawless::receive::timeout::<bool>("approve", Duration::from_secs(3600))?.is_none() {
///     println!("nobody has answered");
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn timeout<T: DeserializeOwned>(name: &str, timeout: Duration) -> Result<Option<T>, Error> {
    wait(&[name], Some(timeout), Location::caller())?
        .map(|message| message.payload())
        .transpose()
}

/// Waits for a message with one of these names, or with any name if there are none.
///
/// # Errors
///
/// As [`receive`](crate::receive()).
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// while let Some(message) = flawless::receive::message(&["add", "remove"], None)? {
///     let item: String = message.payload()?;
///     println!("{} {item}", message.name);
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn message(names: &[&str], timeout: Option<Duration>) -> Result<Option<Message>, Error> {
    wait(names, timeout, Location::caller())
}

/// Begins to wait for a message and returns at once with a future of its payload.
///
/// Durability: the message leaves the inbox when the workflow is told of it. A future that nobody
/// has waited for when the workflow ends, or that is dropped before, has taken none.
///
/// # Errors
///
/// [`Kind::Usage`](crate::Kind::Usage) for a name that no message can have.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let approved = flawless::receive::start::<bool>("approve")?;
/// println!("approved: {}", approved.join()?);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn start<T: DeserializeOwned>(name: &str) -> Result<Future<T>, Error> {
    begin(
        &[name],
        |text, label, at| arrived(text, label, at)?.payload(),
        Location::caller(),
    )
}

#[derive(Deserialize)]
struct Arrived {
    name: String,
    payload: Box<RawValue>,
    id: Option<String>,
}

fn arrived(text: &str, label: &str, at: &'static Location<'static>) -> Result<Message, Error> {
    let found: Arrived = serde_json::from_str(text)
        .map_err(|error| Error::usage(format!("{label}: the engine's message: {error}"), at))?;
    Ok(Message {
        name: found.name,
        id: found.id,
        payload: found.payload.get().into(),
        at,
    })
}

fn begin<T>(
    names: &[&str],
    convert: crate::future::Convert<T>,
    at: &'static Location<'static>,
) -> Result<Future<T>, Error> {
    for name in names {
        names::check(name, at)?;
    }
    let listed: Vec<String> = names.iter().map(|name| host::quoted(name)).collect();
    let body = format!(r#""names":[{}]"#, listed.join(","));
    let label = if names.is_empty() {
        "receive any message".into()
    } else {
        format!("receive {}", names.join(", "))
    };
    Future::begin_with("receive", &body, &label, Ending::Dropped, convert, at)
}

/// Waits for a message. One that does not come in time, or before a cancellation, is not taken.
fn wait(
    names: &[&str],
    timeout: Option<Duration>,
    at: &'static Location<'static>,
) -> Result<Option<Message>, Error> {
    let length = timeout.map(|length| micros(length, at)).transpose()?;
    let future = begin(names, arrived, at)?;
    let until = length.map(|length| host::clock(at) + length);
    while !future.done() {
        match host::wait(until, at) {
            Ok(true) => {}
            Ok(false) => {
                host::drop_effect(future.effect(), at);
                return Ok(None);
            }
            Err(cancelled) => {
                host::drop_effect(future.effect(), at);
                return Err(cancelled);
            }
        }
    }
    future.outcome(at).map(Some)
}
