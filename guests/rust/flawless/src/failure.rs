//! What a workflow ends with if it fails.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use crate::error::{Error, Kind};
use crate::kinds::last_name;

/// What a workflow ends with if it fails: any error, with the place where `?` gave it up.
///
/// Every error turns into one, so a workflow that returns [`flawless::Result<T>`](crate::Result)
/// can use `?` on all of them, in the functions that it calls, too. Other error types work as well
/// in a workflow's signature (`Box<dyn Error>`, `String`, those of other crates); only this one
/// knows the line where it began.
///
/// Durability: an execution that ends with one has failed. Started effects are not waited for
/// then, children are.
///
/// # Examples
///
/// ```no_run
/// use flawless::{Failure, Result, workflow};
///
/// fn cents(text: &str) -> Result<u32> {
///     let found: u32 = text.parse()?;
///     if found == 0 {
///         return Err(Failure::new("nothing is free"));
///     }
///     Ok(found)
/// }
///
/// #[workflow]
/// pub fn price(text: String) -> Result<u32> {
///     Ok(cents(&text)? + flawless::step::<u32>("shop.postage", ())?)
/// }
/// # fn main() {}
/// ```
pub struct Failure {
    error: Box<dyn StdError>,
    name: &'static str,
    at: Option<&'static Location<'static>>,
}

impl Failure {
    /// Makes a failure that only says something.
    ///
    /// # Examples
    ///
    /// ```
    /// let failure = flawless::Failure::new("nothing is free");
    /// assert_eq!(failure.to_string(), "nothing is free");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            error: message.into().into(),
            name: "flawless::Failure",
            at: place(Location::caller()),
        }
    }

    /// Makes a failure of what `?` does not take by itself: an error in a box, or of a crate that
    /// has errors of its own which are none in the sense of the standard library.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use flawless::{Failure, Result};
    ///
    /// fn parse(text: &str) -> std::result::Result<u32, Box<dyn Error>> {
    ///     Ok(text.parse()?)
    /// }
    ///
    /// fn twice(text: &str) -> Result<u32> {
    ///     Ok(2 * parse(text).map_err(|error| Failure::wrap(error))?)
    /// }
    /// # assert_eq!(twice("x").unwrap_err().to_string(), "invalid digit found in string");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn wrap<E: Into<Box<dyn StdError>>>(error: E) -> Self {
        Self {
            error: error.into(),
            name: std::any::type_name::<E>(),
            at: place(Location::caller()),
        }
    }

    /// The error itself.
    ///
    /// # Examples
    ///
    /// ```
    /// let failure = flawless::Failure::from("x".parse::<u8>().unwrap_err());
    /// assert!(failure.error().downcast_ref::<std::num::ParseIntError>().is_some());
    /// ```
    #[must_use]
    pub fn error(&self) -> &(dyn StdError + 'static) {
        &*self.error
    }

    /// What kind of error of an effect it is, or is caused by; none if it is another error.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn pay() -> flawless::Result<()> { Ok(()) }
    /// # fn example() -> flawless::Result<()> {
    /// match pay() {
    ///     Err(failure) if failure.kind() == Some(flawless::Kind::Interrupted) => {
    ///         println!("nobody knows whether it was paid");
    ///     }
    ///     other => other?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.effect_error().map(Error::kind)
    }

    /// The error of an effect that it is, or is caused by.
    ///
    /// # Examples
    ///
    /// ```
    /// let failure = flawless::Failure::new("nothing is free");
    /// assert!(failure.effect_error().is_none());
    /// ```
    #[must_use]
    pub fn effect_error(&self) -> Option<&Error> {
        find(&*self.error)
    }

    /// An error of an effect, which knows its place itself.
    pub(crate) fn of(error: Error) -> Self {
        Self {
            at: Some(error.at()),
            error: Box::new(error),
            name: std::any::type_name::<Error>(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn at(&self) -> Option<&'static Location<'static>> {
        self.at
    }

    /// The last name of the error's type, and what it says.
    pub(crate) fn described(&self) -> String {
        match self.error.downcast_ref::<Error>() {
            Some(error) => error.to_string(),
            None => format!("{}: {}", last_name(self.name), self.error),
        }
    }
}

/// The error of an effect in a chain of causes.
pub(crate) fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(one) = next {
        if let Some(found) = one.downcast_ref::<Error>() {
            return Some(found);
        }
        next = one.source();
    }
    None
}

impl<E: StdError + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self {
            error: Box::new(error),
            name: std::any::type_name::<E>(),
            at: place(Location::caller()),
        }
    }
}

/// The place, if it is the user's: what is called through `map_err(Failure::from)` is called by
/// the standard library, and knows no better.
pub(crate) fn place(at: &'static Location<'static>) -> Option<&'static Location<'static>> {
    (!at.file().contains("/library/core/src/")).then_some(at)
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.error)?;
        self.at.map_or(Ok(()), |at| write!(out, " (at {at})"))
    }
}

/// A [`Failure`] on its way out of the workflow, as an error like others.
#[derive(Debug)]
pub(crate) struct Given {
    pub error: Box<dyn StdError>,
    pub name: &'static str,
    pub at: Option<&'static Location<'static>>,
}

impl fmt::Display for Given {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

impl StdError for Given {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.error)
    }
}

impl From<Failure> for Box<dyn StdError> {
    fn from(failure: Failure) -> Self {
        let Failure { error, name, at } = failure;
        Box::new(Given { error, name, at })
    }
}
