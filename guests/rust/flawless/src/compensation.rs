//! Undoing what was done, when what follows fails: the saga of a workflow.
//!
//! The undo actions are ordinary calls of steps and functions, so they are journaled like
//! everything else: a crash in the middle of them goes on in the middle. None is skipped because
//! another failed, and none is given up silently. What fails each time is put before a person.

use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Kind};
use crate::failure::Failure;
use crate::{host, time};

const PAUSES: &[Duration] = &[
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

thread_local! {
    /// Pauses before the second and each further attempt at an undo; after those a person decides.
    static CHOSEN: Cell<&'static [Duration]> = const { Cell::new(PAUSES) };
}

/// Chooses other pauses, for tests.
#[doc(hidden)]
pub fn undo_pauses(pauses: &'static [Duration]) {
    CHOSEN.set(pauses);
}

const LABEL_CHARS_MAX: usize = 200;

/// What is to be undone if the block of [`compensate`] fails.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> flawless::Result<()> {
/// flawless::compensate(|undo| {
///     let room: String = flawless::step("travel.book_room", ())?;
///     undo.push(move || flawless::step::<()>("travel.cancel_room", (&room,)));
///     flawless::step::<()>("travel.book_flight", ())?;
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Undo<'a> {
    actions: Vec<Action<'a>>,
}

struct Action<'a> {
    run: Box<dyn FnMut() -> Result<(), Failure> + 'a>,
    at: &'static Location<'static>,
}

impl<'a> Undo<'a> {
    /// Registers an action, to be called if the block fails.
    ///
    /// Register it after what it undoes has succeeded, or before, if it does no harm alone. It may
    /// be called several times, until it succeeds.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> flawless::Result<()> {
    /// flawless::compensate(|undo| {
    ///     let room: String = flawless::step("travel.book_room", ())?;
    ///     undo.push(move || flawless::step::<()>("travel.cancel_room", (&room,)));
    ///     undo.push(|| -> flawless::Result<()> {
    ///         flawless::step::<()>("travel.tell_customer", ("no room",))?;
    ///         Ok(())
    ///     });
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn push<T, E: Into<Failure>>(&mut self, mut action: impl FnMut() -> Result<T, E> + 'a) {
        self.actions.push(Action {
            run: Box::new(move || action().map(drop).map_err(Into::into)),
            at: Location::caller(),
        });
    }

    /// Forgets all actions registered so far: what was done is to stay.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> flawless::Result<()> {
    /// flawless::compensate(|undo| {
    ///     undo.push(|| flawless::step::<()>("travel.cancel_room", ()));
    ///     flawless::step::<()>("travel.confirm", ())?;
    ///     undo.clear(); // from here on nothing is taken back
    ///     flawless::step::<()>("travel.send_voucher", ())?;
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear(&mut self) {
        self.actions.clear();
    }

    /// How many actions are registered.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> flawless::Result<()> {
    /// flawless::compensate(|undo| {
    ///     undo.push(|| flawless::step::<()>("travel.cancel_room", ()));
    ///     assert_eq!(undo.len(), 1);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether no action is registered.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> flawless::Result<()> {
    /// flawless::compensate(|undo| {
    ///     assert!(undo.is_empty());
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}

/// Runs a block, and undoes what it did if it fails.
///
/// [`push`](Undo::push) registers an action. When the block ends with an error (that of a
/// cancellation included), the registered actions are called, the last one first, and the error
/// goes on. After `continue_as_new` nothing is undone, for nothing went wrong; after a panic
/// nothing is, for it ends the guest at once.
///
/// An action that fails is tried again after 1, 2 and 4 seconds; then the execution parks until a
/// person decides: to retry, to take it as done, or to take it as failed. In the last case the
/// others are still undone, and then the error of the decision is given.
///
/// Durability: actions are effects like others; a crash among them goes on where it was.
///
/// # Errors
///
/// That of the block; that of a person's decision; [`Kind::Cancelled`] when the execution was
/// cancelled while something was undone.
///
/// # Examples
///
/// ```no_run
/// use flawless::{Result, compensate, step, workflow};
///
/// #[workflow]
/// pub fn order(item: String, card: String) -> Result<String> {
///     compensate(|undo| {
///         let payment: String = step("shop.charge", (&card, 1290))?;
///         undo.push(move || step::<()>("shop.refund", (&payment,)));
///         Ok(step("shop.ship", (&item,))?)
///     })
/// }
/// # fn main() {}
/// ```
#[track_caller]
pub fn compensate<'a, T>(
    block: impl FnOnce(&mut Undo<'a>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let at = Location::caller();
    let mut undo = Undo::default();
    let failure = match block(&mut undo) {
        Ok(value) => return Ok(value),
        Err(failure) => failure,
    };
    if failure.kind() == Some(Kind::ContinueAsNew) {
        return Err(failure);
    }
    Err(Unwinding::new(failure, at).through(undo.actions))
}

/// What has come to light while actions are undone.
struct Unwinding {
    /// What is given in the end.
    failure: Failure,
    /// That of a cancellation told meanwhile.
    told: Option<Error>,
    at: &'static Location<'static>,
}

impl Unwinding {
    fn new(failure: Failure, at: &'static Location<'static>) -> Self {
        Self {
            failure,
            told: None,
            at,
        }
    }

    fn through(mut self, mut actions: Vec<Action<'_>>) -> Failure {
        let was_cancelled = self.failure.kind() == Some(Kind::Cancelled);
        let mut decided = false;
        while let Some(mut action) = actions.pop() {
            let mut pauses = CHOSEN.get().iter();
            while let Err(problem) = (action.run)() {
                if problem.kind() == Some(Kind::ContinueAsNew) {
                    return problem;
                }
                self.note(problem.effect_error());
                let again = match pauses.next() {
                    Some(pause) => time::sleep_at(*pause, self.at).map(|()| true),
                    None => park(&label(&action, &problem), self.at).inspect(|_| {
                        pauses = CHOSEN.get().iter();
                    }),
                };
                match again {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if error.kind() == Kind::Cancelled => self.note(Some(&error)),
                    Err(decision) => {
                        decided = true;
                        self.failure = Failure::of(decision.caused_by(&self.failure));
                        break;
                    }
                }
            }
        }
        match self.told {
            Some(told) if !decided && !was_cancelled => Failure::of(told),
            _ => self.failure,
        }
    }

    /// Remembers a cancellation: what was begun is undone all the same.
    fn note(&mut self, problem: Option<&Error>) {
        if let Some(error) = problem
            && error.kind() == Kind::Cancelled
        {
            self.told = Some(error.clone());
        }
    }
}

/// Waits for a person's decision: true to try again, false to take it as done.
fn park(label: &str, at: &'static Location<'static>) -> Result<bool, Error> {
    let text = host::perform("park", &format!(r#""label":{}"#, host::quoted(label)), at)?;
    let decision: Value = serde_json::from_str(&text)
        .map_err(|error| Error::usage(format!("the engine's decision: {error}"), at))?;
    Ok(decision["retry"] == true)
}

/// What the person reads: the step that failed, or the place of the action, and what went wrong.
fn label(action: &Action<'_>, problem: &Failure) -> String {
    let step = problem
        .effect_error()
        .and_then(|error| error.effect().strip_prefix("step "));
    let what = match step {
        Some(name) => name.into(),
        None => format!("at {}:{}", action.at.file(), action.at.line()),
    };
    let text = format!("undo {what}: {}", problem.described());
    if text.chars().count() <= LABEL_CHARS_MAX {
        return text;
    }
    let short: String = text.chars().take(LABEL_CHARS_MAX - 1).collect();
    format!("{short}\u{2026}")
}
