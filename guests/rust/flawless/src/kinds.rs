//! Kinds of errors, and what their types are called.

use std::error::Error as StdError;

use crate::error::EngineError;

/// What kind of error an effect ended with.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::Kind;
///
/// if let Err(error) = flawless::send("order-42", "confirm", &true) {
///     match error.kind() {
///         Kind::ExecutionNotFound | Kind::ExecutionEnded => println!("too late"),
///         _ => return Err(error),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The execution was cancelled; the workflow may clean up, and ends.
    Cancelled,
    /// [`continue_as_new`](crate::continue_as_new): this run ends and the next one begins.
    ContinueAsNew,
    /// The engine died while the effect was under way, and it is not done again.
    Interrupted,
    /// A native step raised an exception; [`Error::type_name`](crate::Error::type_name) has its
    /// class.
    StepFailed,
    /// A step did not end within its timeout.
    StepTimeout,
    /// No provider knows the secret, or it may not go where it was to be sent.
    SecretUnavailable,
    /// The deployment's allow-list does not have the host; nothing was sent.
    EgressDenied,
    /// The server cannot be reached.
    ConnectError,
    /// The response was not complete within the timeout.
    RequestTimeout,
    /// The response body exceeds the size limit.
    BodyTooLarge,
    /// The server redirected more often than the request allows.
    TooManyRedirects,
    /// The URL cannot be requested.
    InvalidUrl,
    /// The server broke off or did not speak HTTP.
    ProtocolError,
    /// A response of status 400 or above, where
    /// [`error_for_status`](crate::http::Response::error_for_status) was asked for.
    HttpStatus,
    /// A child execution failed.
    ExecutionFailed,
    /// A child execution was cancelled.
    ExecutionCancelled,
    /// There is no such execution.
    ExecutionNotFound,
    /// That execution has ended.
    ExecutionEnded,
    /// An execution with that id exists already.
    ExecutionConflict,
    /// The receiver's inbox is full.
    InboxFull,
    /// A value does not fit what is declared, or could not be read as the type asked for.
    InputInvalid,
    /// A value is larger than the engine's limit.
    ValueTooLarge,
    /// Not all futures have completed within the time given to
    /// [`as_completed`](crate::as_completed).
    Timeout,
    /// The crate was used in a way that makes no sense; the message says what to do instead.
    Usage,
    /// Anything else; see [`Error::type_name`](crate::Error::type_name).
    Other,
}

/// The errors of the engine and of the crate by the names that the protocol gives them.
const NAMES: [(&str, Kind); 22] = [
    ("Interrupted", Kind::Interrupted),
    ("StepFailed", Kind::StepFailed),
    ("StepTimeout", Kind::StepTimeout),
    ("SecretUnavailable", Kind::SecretUnavailable),
    ("EgressDenied", Kind::EgressDenied),
    ("ConnectError", Kind::ConnectError),
    ("RequestTimeout", Kind::RequestTimeout),
    ("BodyTooLarge", Kind::BodyTooLarge),
    ("TooManyRedirects", Kind::TooManyRedirects),
    ("InvalidURL", Kind::InvalidUrl),
    ("ProtocolError", Kind::ProtocolError),
    ("HTTPStatusError", Kind::HttpStatus),
    ("ExecutionFailed", Kind::ExecutionFailed),
    ("ExecutionCancelled", Kind::ExecutionCancelled),
    ("ExecutionNotFound", Kind::ExecutionNotFound),
    ("ExecutionEnded", Kind::ExecutionEnded),
    ("ExecutionConflict", Kind::ExecutionConflict),
    ("InboxFull", Kind::InboxFull),
    ("InputInvalid", Kind::InputInvalid),
    ("ValueTooLarge", Kind::ValueTooLarge),
    ("TimeoutError", Kind::Timeout),
    ("UsageError", Kind::Usage),
];

impl Kind {
    /// The kind of an error that the engine tells.
    pub(crate) fn of(error: &EngineError) -> Self {
        // A step may raise the errors of Python's package, too, and then names their module.
        if !matches!(error.module.as_str(), "flawless" | "flawless.errors") {
            return Self::StepFailed;
        }
        NAMES
            .iter()
            .find(|(name, _)| *name == error.kind)
            .map_or(Self::Other, |(_, kind)| *kind)
    }

    /// Whether a request got no response, or one of status 400 or above that was refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::Kind;
    ///
    /// assert!(Kind::ConnectError.is_http());
    /// assert!(!Kind::Interrupted.is_http());
    /// ```
    #[must_use]
    pub fn is_http(self) -> bool {
        matches!(
            self,
            Self::EgressDenied
                | Self::ConnectError
                | Self::RequestTimeout
                | Self::BodyTooLarge
                | Self::TooManyRedirects
                | Self::InvalidUrl
                | Self::ProtocolError
                | Self::HttpStatus
        )
    }
}

/// The module of an error's class, as Python tells it of the same error.
pub(crate) fn python_module(told: &EngineError) -> &str {
    match (told.module.as_str(), told.kind.as_str()) {
        ("flawless", "HTTPStatusError") => "flawless.refusals",
        ("flawless", "TimeoutError" | "ValueError" | "TypeError") => "builtins",
        ("flawless", "Failure" | "Cancelled" | "ContinueAsNew") => "flawless",
        ("flawless", _) => "flawless.errors",
        (other, _) => other,
    }
}

/// Module and name of an error's type.
pub(crate) fn named(error: &(dyn StdError + 'static), name: &str) -> (String, String) {
    let bare = name.split('<').next().unwrap_or(name);
    match bare.rsplit_once("::") {
        Some(("alloc::string", "String")) => ("flawless".into(), "Failure".into()),
        // What is in the box says so itself, as far as its type derives `Debug`.
        Some(("alloc::boxed", "Box")) => (String::new(), debugged(error)),
        Some((module, last)) => (module.into(), last.into()),
        None if bare.starts_with('&') => ("flawless".into(), "Failure".into()),
        None => (String::new(), bare.into()),
    }
}

/// The name of a type without its module and its parameters.
pub(crate) fn last_name(full: &str) -> &str {
    let bare = full.split('<').next().unwrap_or(full);
    bare.rsplit("::").next().unwrap_or(bare)
}

fn debugged(error: &(dyn StdError + 'static)) -> String {
    let text = format!("{error:?}");
    let end = text
        .find(|one: char| !one.is_alphanumeric() && one != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_type = name.starts_with(|one: char| one.is_uppercase())
        && (rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {"));
    if is_type { name.into() } else { "Error".into() }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::{Kind, last_name, named};
    use crate::error::EngineError;

    fn kind(module: &str, name: &str) -> Kind {
        Kind::of(&EngineError {
            kind: name.into(),
            module: module.into(),
            ..EngineError::default()
        })
    }

    /// The engine's errors have kinds; the exceptions of steps are failures of steps.
    #[test]
    fn kinds_are_told_by_module_and_name() {
        assert_eq!(kind("flawless", "Interrupted"), Kind::Interrupted);
        assert_eq!(kind("flawless.errors", "StepTimeout"), Kind::StepTimeout);
        assert_eq!(kind("flawless", "InvalidURL"), Kind::InvalidUrl);
        assert_eq!(kind("flawless", "EffectError"), Kind::Other);
        assert_eq!(kind("builtins", "ValueError"), Kind::StepFailed);
        assert_eq!(kind("shop", "Interrupted"), Kind::StepFailed);
    }

    /// A type is named by its last name and its module, whatever it is wrapped in.
    #[test]
    fn types_are_named() {
        let parse = "x".parse::<u8>().expect_err("it is no number");
        let name = std::any::type_name::<std::num::ParseIntError>();
        let expected = ("core::num::error".into(), "ParseIntError".into());
        assert_eq!(named(&parse, name), expected);
        let boxed: Box<dyn Error> = Box::new(parse);
        let name = std::any::type_name::<Box<dyn Error>>();
        assert_eq!(
            named(&*boxed, name),
            (String::new(), "ParseIntError".into())
        );
        let text: Box<dyn Error> = "Some text".into();
        assert_eq!(named(&*text, name), (String::new(), "Error".into()));
        let name = std::any::type_name::<&str>();
        assert_eq!(named(&*text, name), ("flawless".into(), "Failure".into()));
        assert_eq!(last_name("a::B<c::D>"), "B");
    }
}
