//! Waiting for several futures: `gather`, `select`, `as_completed`.
//!
//! The order is that of the completions as they are observed; of futures that are done already,
//! that of the arguments. Each completion costs the same, however many futures there are.

mod completed;
mod select;

use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;

pub use completed::{AsCompleted, as_completed};
pub use select::{Selected, Selection, select};

use crate::child::Child;
use crate::error::Error;
use crate::future::{Future, Watch};
use crate::host;

/// What was started and can be waited for: a [`Future`], a [`Child`], or a reference to one, which
/// leaves it to you.
///
/// # Examples
///
/// ```no_run
/// use flawless::{Error, Started, gather};
///
/// fn total(parts: Vec<impl Started<Value = u32>>) -> Result<u32, Error> {
///     Ok(gather(parts)?.into_iter().sum())
/// }
/// ```
pub trait Started: sealed::Sealed {
    /// What it gives.
    type Value;

    #[doc(hidden)]
    fn into_future(self) -> Future<Self::Value>;

    #[doc(hidden)]
    fn future(&self) -> &Future<Self::Value>;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Future<T> {}
    impl<T> Sealed for super::Child<T> {}
    impl<S: Sealed> Sealed for &S {}
}

impl<T> Started for Future<T> {
    type Value = T;

    fn into_future(self) -> Self {
        self
    }

    fn future(&self) -> &Self {
        self
    }
}

impl<T> Started for Child<T> {
    type Value = T;

    fn into_future(self) -> Future<T> {
        self.into_future()
    }

    fn future(&self) -> &Future<T> {
        self
    }
}

impl<S: Started> Started for &S {
    type Value = S::Value;

    fn into_future(self) -> Future<S::Value> {
        self.future().again()
    }

    fn future(&self) -> &Future<S::Value> {
        (*self).future()
    }
}

/// Waits for all futures and returns their values, in the order of the arguments.
///
/// The first error is given as soon as it is observed; the other effects go on to their end. Who
/// wants to look at them still gathers references: `gather(&started)`.
///
/// Durability: the order in which the workflow sees outcomes is recorded, and the same on replay.
///
/// # Errors
///
/// The first error of an effect; [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is
/// cancelled meanwhile.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{gather, step};
///
/// let mut started = Vec::new();
/// for item in ["tea", "cups"] {
///     started.push(step::start::<u32>("shop.ask_price", (item,))?);
/// }
/// let total: u32 = gather(started)?.into_iter().sum();
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn gather<F: Started>(futures: impl IntoIterator<Item = F>) -> Result<Vec<F::Value>, Error> {
    let at = Location::caller();
    let given: Vec<Future<F::Value>> = futures.into_iter().map(Started::into_future).collect();
    let places = places(&given);
    let mut values: Vec<Option<F::Value>> = given.iter().map(|_| None).collect();
    let mut completions = Completions::of(&given);
    while let Some(effect) = completions.next(None, at)? {
        let place = place(&places, effect);
        values[place] = Some(given[place].outcome(at)?);
    }
    Ok(values.into_iter().flatten().collect())
}

/// Waits for all futures and returns their outcomes: errors stand in the list like values.
///
/// # Errors
///
/// [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is cancelled meanwhile.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{gather_all, http};
///
/// let pages = ["https://a.example/", "https://b.example/"].map(|url| http::get(url).start());
/// for outcome in gather_all(pages.into_iter().collect::<Result<Vec<_>, _>>()?)? {
///     match outcome {
///         Ok(page) => println!("{}", page.status()),
///         Err(error) => println!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn gather_all<F: Started>(
    futures: impl IntoIterator<Item = F>,
) -> Result<Vec<Result<F::Value, Error>>, Error> {
    let at = Location::caller();
    let given: Vec<Future<F::Value>> = futures.into_iter().map(Started::into_future).collect();
    let mut completions = Completions::of(&given);
    while completions.next(None, at)?.is_some() {}
    Ok(given.iter().map(|future| future.outcome(at)).collect())
}

macro_rules! gather_few {
    ($(#[$doc:meta])* $name:ident $($part:ident $kind:ident),*) => {
        $(#[$doc])*
        #[track_caller]
        pub fn $name<$($kind: Started),*>($($part: $kind),*) -> Result<($($kind::Value,)*), Error> {
            let at = Location::caller();
            $(let $part = ($part.into_future(), None);)*
            let mut completions = Completions::new([$(($part.0.effect(), $part.0.done())),*]);
            $(let mut $part = $part;)*
            while let Some(effect) = completions.next(None, at)? {
                $(if effect == $part.0.effect() {
                    $part.1 = Some($part.0.outcome(at)?);
                })*
            }
            Ok(($($part.1.expect("all have completed"),)*))
        }
    };
}

gather_few! {
    /// Waits for two futures of different types; otherwise as [`gather`].
    ///
    /// # Errors
    ///
    /// As [`gather`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use flawless::{gather2, step};
    ///
    /// let (stock, price) = gather2(
    ///     step::start::<u32>("shop.look_up", ("tea",))?,
    ///     step::start::<String>("shop.ask_price", ("tea",))?,
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    gather2 a A, b B
}

gather_few! {
    /// Waits for three futures of different types; otherwise as [`gather`].
    ///
    /// # Errors
    ///
    /// As [`gather`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use flawless::{gather3, http, receive, step};
    ///
    /// let (price, page, note) = gather3(
    ///     step::start::<u32>("shop.ask_price", ("tea",))?,
    ///     http::get("https://shop.example/").start()?,
    ///     receive::start::<String>("note")?,
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    gather3 a A, b B, c C
}

/// The effects of some futures, in the order in which they complete.
pub(crate) struct Completions {
    done: VecDeque<u64>,
    pending: Vec<u64>,
    watch: Rc<Watch>,
    left: usize,
}

impl Completions {
    fn of<T>(futures: &[Future<T>]) -> Self {
        Self::new(
            futures
                .iter()
                .map(|future| (future.effect(), future.done())),
        )
    }

    /// Watches effects, each with whether it is done already.
    fn new(effects: impl IntoIterator<Item = (u64, bool)>) -> Self {
        let (mut done, mut pending) = (VecDeque::new(), Vec::new());
        for (effect, is_done) in effects {
            if is_done {
                done.push_back(effect);
            } else {
                pending.push(effect);
            }
        }
        let watch = Rc::new(Watch::default());
        host::session(|one| {
            for effect in &pending {
                if let Some(found) = one.pending.get_mut(effect) {
                    found.watchers.push(Rc::clone(&watch));
                }
            }
        });
        Self {
            done,
            left: pending.len(),
            pending,
            watch,
        }
    }

    /// How many have not completed.
    fn left(&self) -> usize {
        self.left
    }

    /// Waits for the next one; none when there are no more, or when the time `until` comes first.
    fn next(
        &mut self,
        until: Option<i64>,
        at: &'static Location<'static>,
    ) -> Result<Option<u64>, Error> {
        if let Some(effect) = self.done.pop_front() {
            return Ok(Some(effect));
        }
        while self.left > 0 {
            let completed = self.watch.borrow_mut().pop_front();
            if completed.is_some() {
                self.left -= 1;
                return Ok(completed);
            }
            if !host::wait(until, at)? {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

impl Drop for Completions {
    fn drop(&mut self) {
        if self.left == 0 {
            return;
        }
        host::session(|one| {
            for effect in &self.pending {
                if let Some(found) = one.pending.get_mut(effect) {
                    found
                        .watchers
                        .retain(|other| !Rc::ptr_eq(other, &self.watch));
                }
            }
        });
    }
}

/// The places of futures by the numbers of their effects, for `place`.
fn places<T>(futures: &[Future<T>]) -> Vec<(u64, usize)> {
    let mut places: Vec<(u64, usize)> = futures
        .iter()
        .enumerate()
        .map(|(place, future)| (future.effect(), place))
        .collect();
    places.sort_unstable();
    places
}

fn place(places: &[(u64, usize)], effect: u64) -> usize {
    let found = places
        .binary_search_by_key(&effect, |(other, _)| *other)
        .expect("only these effects are watched");
    places[found].1
}
