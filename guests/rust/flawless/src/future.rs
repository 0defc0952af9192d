//! Effects under way, as values to wait for.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{EngineError, Error, Kind};
use crate::{host, value};

/// What becomes of a started effect that is under way when the workflow ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// Its end is awaited.
    Awaited,
    /// It is dropped: timers, messages.
    Dropped,
    /// It is left to itself.
    Left,
    /// Its end is awaited even after an error: a child.
    Child,
}

/// Where the outcome of a started effect will be.
pub(crate) enum Slot {
    Pending,
    Done(String),
    Failed(Box<EngineError>),
}

/// A started effect whose outcome has not come.
pub(crate) struct Pending {
    pub ending: Ending,
    pub slot: Rc<RefCell<Slot>>,
    /// What a person calls it, should it fail and nobody look.
    pub label: Rc<str>,
    /// Those who want to hear of its end, in the order in which they asked.
    pub watchers: Vec<Rc<Watch>>,
}

/// Hears of the ends of some effects, in the order in which they come.
pub(crate) type Watch = RefCell<std::collections::VecDeque<u64>>;

/// Reads an outcome; the text is the effect's label.
pub(crate) type Convert<T> = fn(&str, &str, &'static Location<'static>) -> Result<T, Error>;

/// The outcome of an effect that was started with one of the `start` functions.
///
/// Durability: an outcome that nobody waits for is not lost. The effect is performed all the same,
/// and the workflow ends after it (timers and messages excepted, which are given up then). To stop
/// an effect, use [`drop`](Self::drop).
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
pub struct Future<T> {
    effect: u64,
    slot: Rc<RefCell<Slot>>,
    label: Rc<str>,
    convert: Convert<T>,
}

impl<T: DeserializeOwned> Future<T> {
    /// Starts an effect whose value is read as the codec's JSON of a `T`.
    pub(crate) fn begin(
        op: &str,
        body: &str,
        label: &str,
        ending: Ending,
        at: &'static Location<'static>,
    ) -> Result<Self, Error> {
        Self::begin_with(op, body, label, ending, value::decode, at)
    }
}

impl<T> Future<T> {
    /// Starts an effect whose value is read in a way of its own.
    pub(crate) fn begin_with(
        op: &str,
        body: &str,
        label: &str,
        ending: Ending,
        convert: Convert<T>,
        at: &'static Location<'static>,
    ) -> Result<Self, Error> {
        let label: Rc<str> = label.into();
        let (effect, slot) = host::begin(op, body, &label, ending, at)?;
        Ok(Self {
            effect,
            slot,
            label,
            convert,
        })
    }

    /// Waits for the outcome. Once it is there, it may be asked for as often as you like.
    ///
    /// # Errors
    ///
    /// The effect's own error; [`Kind::Cancelled`] when the execution is cancelled meanwhile. Then
    /// the effect goes on, and can be waited for again.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let report = flawless::step::start::<String>("shop.report", ())?;
    /// println!("{}", report.join()?);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, Error> {
        let at = Location::caller();
        while !self.done() {
            host::wait(None, at)?;
        }
        self.outcome(at)
    }

    /// Waits for the outcome, at most for a while; none when the time has passed.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join); [`Kind::Usage`] for a timeout of more than 100 years.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use std::time::Duration;
    ///
    /// let report = flawless::step::start::<String>("shop.report", ())?;
    /// match report.join_timeout(Duration::from_secs(60))? {
    ///     Some(text) => println!("{text}"),
    ///     None => report.drop(),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, timeout: Duration) -> Result<Option<T>, Error> {
        let at = Location::caller();
        if !self.done() {
            let until = deadline(timeout, at)?;
            while !self.done() {
                if !host::wait(Some(until), at)? {
                    return Ok(None);
                }
            }
        }
        self.outcome(at).map(Some)
    }

    /// Tells whether the outcome is there. It is seen only when the workflow waits for something.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let report = flawless::step::start::<String>("shop.report", ())?;
    /// flawless::sleep(std::time::Duration::from_secs(60))?;
    /// if !report.done() {
    ///     println!("that takes long");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn done(&self) -> bool {
        !matches!(*self.slot.borrow(), Slot::Pending)
    }

    /// Gives the effect up: its outcome will not be looked at, and it is stopped if it can be.
    ///
    /// To let a future go out of scope is something else: then the effect is performed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let approved = flawless::receive::start::<bool>("approve")?;
    /// approved.drop(); // the message stays in the inbox
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn drop(self) {
        host::drop_effect(self.effect, Location::caller());
    }

    /// The same outcome again.
    pub(crate) fn again(&self) -> Self {
        Self {
            effect: self.effect,
            slot: Rc::clone(&self.slot),
            label: Rc::clone(&self.label),
            convert: self.convert,
        }
    }

    /// The same outcome again, as plain JSON.
    pub(crate) fn untyped(&self) -> Future<serde_json::Value> {
        Future {
            effect: self.effect,
            slot: Rc::clone(&self.slot),
            label: Rc::clone(&self.label),
            convert: value::decode,
        }
    }

    /// The number of the effect in its run.
    pub(crate) fn effect(&self) -> u64 {
        self.effect
    }

    /// The outcome, which is there.
    pub(crate) fn outcome(&self, at: &'static Location<'static>) -> Result<T, Error> {
        match &*self.slot.borrow() {
            Slot::Done(value) => (self.convert)(value, &self.label, at),
            Slot::Failed(error) => {
                host::seen(self.effect);
                Err(error.clone().into_error(at).of(&self.label))
            }
            Slot::Pending => unreachable!("it was waited for"),
        }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.slot.borrow() {
            Slot::Pending => "pending",
            Slot::Done(_) => "done",
            Slot::Failed(_) => "failed",
        };
        write!(out, "Future({} {}: {state})", self.effect, self.label)
    }
}

/// The moment at which a timeout that begins now ends.
pub(crate) fn deadline(timeout: Duration, at: &'static Location<'static>) -> Result<i64, Error> {
    Ok(host::clock(at) + micros(timeout, at)?)
}

/// A timeout in microseconds.
pub(crate) fn micros(timeout: Duration, at: &'static Location<'static>) -> Result<i64, Error> {
    let within = limited(timeout, "a timeout", at)?;
    Ok(i64::try_from((within.as_nanos() + 500) / 1000).expect("100 years fit"))
}

const LONGEST: Duration = Duration::from_secs(3_155_760_000);

/// The length of a wait, or an error if it is longer than waits may be.
pub(crate) fn limited(
    length: Duration,
    what: &str,
    at: &'static Location<'static>,
) -> Result<Duration, Error> {
    if length <= LONGEST {
        return Ok(length);
    }
    Err(Error::own(
        Kind::Usage,
        "UsageError",
        format!("{what} lasts at most 100 years, not {length:?}"),
        at,
    ))
}
