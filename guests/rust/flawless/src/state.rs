//! What an execution shows of itself, and the secrets that it may use.

use std::panic::Location;

use serde::Serialize;

use crate::error::Error;
use crate::{host, value};

/// Makes a value the visible state of this execution, in place of the one before.
///
/// Durability: the state is durable before anyone sees it.
///
/// # Errors
///
/// [`Kind::ValueTooLarge`](crate::Kind::ValueTooLarge).
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// flawless::publish("packing")?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn publish<T: Serialize + ?Sized>(value: &T) -> Result<(), Error> {
    show("publish", value, Location::caller())
}

/// Answers whoever waits for the response of this execution, which goes on. Once a run.
///
/// Durability: the response is durable before anyone sees it.
///
/// # Errors
///
/// [`Kind::Usage`](crate::Kind::Usage) for a second response,
/// [`Kind::ValueTooLarge`](crate::Kind::ValueTooLarge).
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// flawless::respond(&serde_json::json!({"order": 42, "accepted": true}))?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn respond<T: Serialize + ?Sized>(value: &T) -> Result<(), Error> {
    let at = Location::caller();
    if host::session(|one| one.responded) {
        return Err(Error::usage(
            "the workflow has responded already: publish(...) what changes later".into(),
            at,
        ));
    }
    show("respond", value, at)?;
    host::session(|one| one.responded = true);
    Ok(())
}

/// The placeholder of a secret, to be put into an HTTP request.
///
/// The engine replaces it in what is sent to hosts that may have the secret. The value itself is
/// never here, nor in the journal, the logs or an error. Every replay gets the same placeholder.
///
/// # Errors
///
/// [`Kind::SecretUnavailable`](crate::Kind::SecretUnavailable) when the engine does not know it,
/// [`Kind::Usage`](crate::Kind::Usage) for an empty name.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let key = flawless::secret("STRIPE_KEY")?;
/// flawless::http::post("https://api.example/charges")
///     .header("Authorization", format!("Bearer {key}"))
///     .send()?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn secret(name: &str) -> Result<String, Error> {
    let at = Location::caller();
    if name.is_empty() {
        return Err(Error::usage(
            "a secret has a name, such as \"STRIPE_KEY\"".into(),
            at,
        ));
    }
    let text = host::tell("secret", &format!(r#""name":{}"#, host::quoted(name)), at)?;
    value::decode(&text, name, at)
}

fn show<T: Serialize + ?Sized>(
    op: &str,
    value: &T,
    at: &'static Location<'static>,
) -> Result<(), Error> {
    let text = value::encode(value, &format!("{op}.value"), at)?;
    host::tell(op, &format!(r#""value":{text}"#), at).map(drop)
}
