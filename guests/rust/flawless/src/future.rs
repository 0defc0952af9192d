//! Effects under way, as values to wait for.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{EngineError, Error};
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
    Failed(EngineError),
}

/// The outcome of an effect that was started with one of the `start` functions.
///
/// An outcome that nobody waits for is not lost: the effect is performed all the same, and the
/// workflow ends after it.
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
#[must_use = "an effect under way; `join` waits for its outcome"]
pub struct Future<T> {
    pub(crate) effect: u64,
    slot: Rc<RefCell<Slot>>,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Future<T> {
    pub(crate) fn begin(
        op: &str,
        body: &str,
        ending: Ending,
        at: &'static Location<'static>,
    ) -> Result<Self, Error> {
        let (effect, slot) = host::begin(op, body, ending, at)?;
        Ok(Self {
            effect,
            slot,
            value: PhantomData,
        })
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    ///
    /// The effect's own error; [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is
    /// cancelled meanwhile.
    #[track_caller]
    pub fn join(self) -> Result<T, Error> {
        let at = Location::caller();
        while !self.done() {
            host::wait(None, at)?;
        }
        self.outcome(at)
    }

    /// Waits for the outcome, at most for a while: then the future itself comes back.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    #[track_caller]
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, Self>, Error> {
        let at = Location::caller();
        if !self.done() {
            let until = deadline(timeout, at);
            while !self.done() {
                if !host::wait(Some(until), at)? {
                    return Ok(Err(self));
                }
            }
        }
        self.outcome(at).map(Ok)
    }

    fn outcome(&self, at: &'static Location<'static>) -> Result<T, Error> {
        match &*self.slot.borrow() {
            Slot::Done(value) => value::decode(value, "the outcome", at),
            Slot::Failed(error) => Err(error.clone().into_error(at)),
            Slot::Pending => unreachable!("it was waited for"),
        }
    }
}

impl<T> Future<T> {
    /// Tells whether the outcome is there.
    #[must_use]
    pub fn done(&self) -> bool {
        !matches!(*self.slot.borrow(), Slot::Pending)
    }

    /// Gives the effect up: its outcome will not be looked at, and it is stopped if it can be.
    pub fn drop(self) {
        host::drop_effect(self.effect);
    }
}

/// The moment at which a timeout that begins now ends.
pub(crate) fn deadline(timeout: Duration, at: &'static Location<'static>) -> i64 {
    let length = i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX);
    host::clock(at).saturating_add(length)
}
