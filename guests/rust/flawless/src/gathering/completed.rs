//! Futures in the order in which they complete.

use std::panic::Location;
use std::time::Duration;

use super::{Completions, Started, place, places};
use crate::error::{Error, Kind};
use crate::future::{Future, deadline};

/// The iterator of [`as_completed`].
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let naps = vec![flawless::sleep::start(std::time::Duration::from_secs(1))?];
/// let mut completed: flawless::AsCompleted<()> = flawless::as_completed(naps);
/// assert!(completed.next().is_some());
/// # Ok(())
/// # }
/// ```
#[must_use = "an iterator does nothing until it is asked"]
pub struct AsCompleted<T> {
    futures: Vec<Option<Future<T>>>,
    places: Vec<(u64, usize)>,
    completions: Option<Completions>,
    timeout: Option<(Duration, i64)>,
    late: bool,
    at: &'static Location<'static>,
}

/// Gives futures in the order in which they complete, each with its place among the arguments.
///
/// To join one that it gives takes no time. What it has not given when it is dropped goes on.
///
/// Durability: the order is recorded, and the same on replay.
///
/// # Errors
///
/// An item is an error when the execution is cancelled
/// ([`Kind::Cancelled`](crate::Kind::Cancelled)) while it waits, or when the
/// [timeout](AsCompleted::timeout) passes.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{as_completed, step};
///
/// let items = ["tea", "cups"];
/// let mut started = Vec::new();
/// for item in items {
///     started.push(step::start::<String>("shop.ship", (item,))?);
/// }
/// for completed in as_completed(started) {
///     let (place, parcel) = completed?;
///     println!("{} in {}", items[place], parcel.join()?);
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn as_completed<F: Started>(futures: impl IntoIterator<Item = F>) -> AsCompleted<F::Value> {
    let given: Vec<Future<F::Value>> = futures.into_iter().map(Started::into_future).collect();
    AsCompleted {
        places: places(&given),
        futures: given.into_iter().map(Some).collect(),
        completions: None,
        timeout: None,
        late: false,
        at: Location::caller(),
    }
}

impl<T> AsCompleted<T> {
    /// Limits the time for all of them, counted from now. When it has passed, the next item is an
    /// error of [`Kind::Timeout`], and the last one.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for more than 100 years.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use std::time::Duration;
    ///
    /// let parcels = vec![flawless::step::start::<String>("shop.ship", ("tea",))?];
    /// for completed in flawless::as_completed(parcels).timeout(Duration::from_secs(3600))? {
    ///     println!("{}", completed?.1.join()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, Error> {
        self.timeout = Some((timeout, deadline(timeout, Location::caller())?));
        Ok(self)
    }

    fn too_late(&self, left: usize) -> Error {
        let (length, _) = self.timeout.expect("only then it is too late");
        let message = format!(
            "as_completed: {left} of {} futures have not completed within {length:?}",
            self.futures.len()
        );
        Error::own(Kind::Timeout, "TimeoutError", message, self.at)
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Result<(usize, Future<T>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.late {
            return None;
        }
        let futures = &self.futures;
        let completions = self.completions.get_or_insert_with(|| {
            Completions::new(
                futures
                    .iter()
                    .flatten()
                    .map(|future| (future.effect(), future.done())),
            )
        });
        let until = self.timeout.map(|(_, until)| until);
        match completions.next(until, self.at) {
            Err(cancelled) => Some(Err(cancelled)),
            Ok(Some(effect)) => {
                let place = place(&self.places, effect);
                self.futures[place].take().map(|future| Ok((place, future)))
            }
            Ok(None) => match completions.left() {
                0 => None,
                left => {
                    self.late = true;
                    Some(Err(self.too_late(left)))
                }
            },
        }
    }
}
