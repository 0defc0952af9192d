//! Waiting for the first of several futures.

use std::panic::Location;
use std::time::Duration;

use super::{Completions, Started};
use crate::child::Child;
use crate::error::Error;
use crate::future::{Future, micros};
use crate::host;

/// What [`select`] chooses from: a slice, array or `Vec` of futures or of references to them; or a
/// tuple of references, where their types differ.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{select, sleep, step};
/// use std::time::Duration;
///
/// let one = step::start::<u32>("shop.count", ("tea",))?;
/// let two = step::start::<u32>("shop.count", ("cups",))?;
/// let nap = sleep::start(Duration::from_secs(60))?;
/// select(&[&one, &two], None)?;
/// select((&one, &nap), None)?;
/// select(&vec![one, two], None)?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`select` cannot choose from `{Self}`",
    label = "give it `&futures`, `&[&a, &b]`, or `(&a, &b)` for futures of different types"
)]
pub trait Selection {
    /// The number of each effect, and whether it is done.
    #[doc(hidden)]
    fn effects(&self) -> Vec<(u64, bool)>;
}

/// One of them.
///
/// # Examples
///
/// ```no_run
/// use flawless::{Error, Selected, select};
///
/// fn first(futures: &[impl Selected]) -> Result<Option<usize>, Error> {
///     select(futures, None)
/// }
/// ```
pub trait Selected {
    #[doc(hidden)]
    fn effect(&self) -> (u64, bool);
}

macro_rules! selected {
    ($($kind:ty),*) => {
        $(
            impl<T> Selected for $kind {
                fn effect(&self) -> (u64, bool) {
                    let future = self.future();
                    (future.effect(), future.done())
                }
            }
        )*
    };
}

selected!(
    Future<T>,
    &Future<T>,
    &mut Future<T>,
    Child<T>,
    &Child<T>,
    &mut Child<T>
);

macro_rules! lists {
    ($($kind:ty),*) => {
        $(
            impl<S: Selected> Selection for $kind {
                fn effects(&self) -> Vec<(u64, bool)> {
                    self.iter().map(Selected::effect).collect()
                }
            }
        )*
    };
}

lists!(&[S], &mut [S], &Vec<S>, &mut Vec<S>);

impl<S: Selected, const N: usize> Selection for &[S; N] {
    fn effects(&self) -> Vec<(u64, bool)> {
        self.iter().map(Selected::effect).collect()
    }
}

impl<S: Selected, const N: usize> Selection for &mut [S; N] {
    fn effects(&self) -> Vec<(u64, bool)> {
        self.iter().map(Selected::effect).collect()
    }
}

macro_rules! tuples {
    ($($kind:ident $index:tt),*) => {
        impl<$($kind: Selected),*> Selection for ($(&$kind,)*) {
            fn effects(&self) -> Vec<(u64, bool)> {
                vec![$(self.$index.effect()),*]
            }
        }
    };
}

tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Waits for the first future that completes and returns its place; none when `timeout` passes.
///
/// Of futures that are done already, the first one wins. Nothing is dropped: the others go on, and
/// may be waited for again.
///
/// Durability: which one was seen first is recorded, and the same on replay.
///
/// # Errors
///
/// [`Kind::Cancelled`](crate::Kind::Cancelled) when the execution is cancelled meanwhile;
/// [`Kind::Usage`](crate::Kind::Usage) for nothing to wait for, or a timeout of more than 100
/// years. The error of an effect comes when its future is joined.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{receive, select, sleep};
/// use std::time::Duration;
///
/// let answer = receive::start::<bool>("approve")?;
/// let late = sleep::start(Duration::from_secs(3 * 86_400))?;
/// match select((&answer, &late), None)? {
///     Some(0) => println!("approved: {}", answer.join()?),
///     _ => println!("nobody has answered"),
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "what is given are references"
)]
pub fn select(futures: impl Selection, timeout: Option<Duration>) -> Result<Option<usize>, Error> {
    let at = Location::caller();
    let given = futures.effects();
    if given.is_empty() {
        let message = "select has nothing to wait for: give it one future or more";
        return Err(Error::usage(message.into(), at));
    }
    let length = timeout.map(|length| micros(length, at)).transpose()?;
    if let Some(place) = given.iter().position(|(_, done)| *done) {
        return Ok(Some(place));
    }
    let until = length.map(|length| host::clock(at) + length);
    let mut completions = Completions::new(distinct(&given));
    let first = completions.next(until, at)?;
    Ok(first.and_then(|effect| given.iter().position(|(other, _)| *other == effect)))
}

fn distinct(given: &[(u64, bool)]) -> Vec<(u64, bool)> {
    let mut sorted = given.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}
