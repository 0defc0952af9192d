//! What can go wrong with an effect, and what a workflow can end with.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub use crate::failure::Failure;
pub use crate::kinds::Kind;
use crate::{host, report};

/// An error as the protocol tells it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct EngineError {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub module: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub traceback: String,
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// The exception as the codec encodes it.
    #[serde(default)]
    pub value: Option<Box<RawValue>>,
}

impl EngineError {
    pub fn into_error(self: Box<Self>, at: &'static Location<'static>) -> Error {
        Error::new(Kind::of(&self), *self, at)
    }
}

/// The error of an effect.
///
/// It remembers where in the workflow the effect was asked for, which is where a failed execution
/// is reported to have failed if the workflow hands the error on with `?`.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::Kind;
///
/// match flawless::http::get("https://shop.example/").send() {
///     Err(error) if error.kind().is_http() => println!("later, then: {error}"),
///     other => println!("{}", other?.text()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    told: EngineError,
    effect: String,
    at: &'static Location<'static>,
}

impl Error {
    /// What kind of error it is.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use flawless::Kind;
    ///
    /// match flawless::step::<String>("shop.charge", (1290,)) {
    ///     Err(error) if error.kind() == Kind::Interrupted => println!("nobody knows"),
    ///     other => println!("{}", other?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The name of the error: for a failed step, that of the Python exception.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// if let Err(error) = flawless::step::<String>("shop.charge", (1290,))
    ///     && error.type_name() == "Declined"
    /// {
    ///     println!("another card, please: {}", error.message());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.0.told.kind
    }

    /// What the error says.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// if let Err(error) = flawless::step::<String>("shop.charge", (1290,)) {
    ///     flawless::publish(error.message())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.told.message
    }

    /// The traceback of a failed step or child, or the empty text.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// if let Err(error) = flawless::step::<String>("shop.charge", (1290,)) {
    ///     flawless::log::warn!("{}", error.traceback());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn traceback(&self) -> &str {
        let told = &self.0.told;
        if told.traceback.is_empty() {
            return told
                .fields
                .get("traceback")
                .and_then(Value::as_str)
                .unwrap_or("");
        }
        &told.traceback
    }

    /// One of the further things that the engine tells of its own errors.
    ///
    /// Of a failed child, for example, `execution`, `type`, `message` and `traceback`; of a
    /// cancelled one `execution` and `reason`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// if let Err(error) = flawless::start::<u32>("shop.count", ())?.join() {
    ///     println!("{:?} failed with {:?}", error.field("execution"), error.field("type"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.0.told.fields.get(name)
    }

    /// The same error, with what a person calls the effect that it is of.
    pub(crate) fn of(mut self, effect: &str) -> Self {
        self.0.effect = effect.into();
        self
    }

    /// The same error, as the consequence of another one.
    pub(crate) fn caused_by(mut self, cause: &Failure) -> Self {
        let story = report::story(cause);
        self.0.told.traceback = format!("{}\n\nWhile that was compensated:", story.trim_end());
        self
    }

    /// What a person calls the effect that it is of, or the empty text.
    pub(crate) fn effect(&self) -> &str {
        &self.0.effect
    }

    pub(crate) fn told(&self) -> &EngineError {
        &self.0.told
    }

    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.0.at
    }

    fn new(kind: Kind, told: EngineError, at: &'static Location<'static>) -> Self {
        let made = Self(Box::new(Inner {
            kind,
            told,
            effect: String::new(),
            at,
        }));
        host::session(|one| one.last_error = Some(made.clone()));
        made
    }

    pub(crate) fn cancelled(reason: String, at: &'static Location<'static>) -> Self {
        Self::own(Kind::Cancelled, "Cancelled", reason, at)
    }

    pub(crate) fn usage(message: String, at: &'static Location<'static>) -> Self {
        Self::own(Kind::Usage, "UsageError", message, at)
    }

    pub(crate) fn own(
        kind: Kind,
        name: &str,
        message: String,
        at: &'static Location<'static>,
    ) -> Self {
        let told = EngineError {
            kind: name.into(),
            module: "flawless".into(),
            message,
            ..EngineError::default()
        };
        Self::new(kind, told, at)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = &self.0.told;
        match (told.kind.as_str(), told.message.as_str()) {
            (name, "") => out.write_str(name),
            (name, message) => write!(out, "{name}: {message}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self} (at {})", self.0.at)
    }
}

impl StdError for Error {}
