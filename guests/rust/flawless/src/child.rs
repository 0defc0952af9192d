//! Child executions.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::error::Error;
use crate::future::{Ending, Future, limited};
use crate::{host, send, value};

/// A child execution: a future of its result, with its id, to send to it and to cancel it.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let child = flawless::start::<String>("shop.ship", ("tea",))?;
/// println!("{} is on its way", child.id);
/// let parcel = child.join()?;
/// # Ok(())
/// # }
/// ```
pub struct Child<T> {
    /// The id of the child execution.
    pub id: String,
    future: Future<T>,
}

/// What becomes of a child when its parent ends.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{ParentClose, child};
///
/// child("shop.report").parent_close(ParentClose::Abandon).start::<String>(())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParentClose {
    /// The parent ends after the child, even if it returns an error. A panic ends it at once, and
    /// the child goes on.
    #[default]
    Wait,
    /// The child is cancelled.
    Cancel,
    /// The child goes on.
    Abandon,
}

/// A child that is about to be started, with options; see [`child`].
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let options = flawless::child("shop.report").id("report-2026-11");
/// let report = options.start::<String>(("november",))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a child is not started before `start`"]
pub struct ChildOptions {
    workflow: String,
    id: Option<String>,
    parent_close: ParentClose,
    deadline: Option<Duration>,
}

/// Starts a workflow as a child execution, by its name.
///
/// Durability: the child is started in the same commit that records it: exactly once. It runs by
/// itself; the workflow's end waits for it, see [`ParentClose`].
///
/// # Errors
///
/// [`Kind::InputInvalid`](crate::Kind::InputInvalid) for arguments that cannot be written. That
/// the child cannot be started is told when it is joined.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let one = flawless::start::<u32>("shop.count", ("tea",))?;
/// let two = flawless::start::<u32>("shop.count", ("cups",))?;
/// println!("{}", one.join()? + two.join()?);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn start<T: DeserializeOwned>(workflow: &str, args: impl Args) -> Result<Child<T>, Error> {
    child(workflow).start(args)
}

/// Options of a child execution, before it is started.
///
/// Workflows of this crate have their names at hand: `checkout::name()`. Without options,
/// `checkout::start(..)` is shorter, and knows the types.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::{ParentClose, child};
/// use std::time::Duration;
///
/// let report = child("shop.report")
///     .id("report-2026-11")
///     .parent_close(ParentClose::Abandon)
///     .deadline(Duration::from_secs(3600))
///     .start::<String>(("november",))?;
/// # Ok(())
/// # }
/// ```
pub fn child(workflow: &str) -> ChildOptions {
    ChildOptions {
        workflow: workflow.into(),
        id: None,
        parent_close: ParentClose::Wait,
        deadline: None,
    }
}

impl ChildOptions {
    /// Gives the child this id, instead of one made of its parent's.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let report = flawless::child("shop.report").id("report-2026-11").start::<String>(())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says what becomes of the child when its parent ends.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use flawless::{ParentClose, child};
    ///
    /// child("shop.report").parent_close(ParentClose::Abandon).start::<String>(())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn parent_close(mut self, policy: ParentClose) -> Self {
        self.parent_close = policy;
        self
    }

    /// Cancels the child if it takes longer than this.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use std::time::Duration;
    ///
    /// flawless::child("shop.report").deadline(Duration::from_secs(3600)).start::<String>(())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Starts the child and returns at once.
    ///
    /// # Errors
    ///
    /// [`Kind::InputInvalid`](crate::Kind::InputInvalid) for arguments that cannot be written,
    /// [`Kind::Usage`](crate::Kind::Usage) for a deadline of more than 100 years.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let parcel = flawless::child("shop.ship").start::<String>(("tea",))?.join()?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a call gives its arguments away"
    )]
    pub fn start<T: DeserializeOwned>(self, args: impl Args) -> Result<Child<T>, Error> {
        let at = Location::caller();
        let call = args.encode(&self.workflow, at)?;
        let id = self.id.unwrap_or_else(next_id);
        let mut body = format!(
            r#""workflow":{},"args":{call},"child":{}"#,
            host::quoted(&self.workflow),
            host::quoted(&id)
        );
        let ending = match self.parent_close {
            ParentClose::Wait => Ending::Child,
            ParentClose::Cancel => {
                body.push_str(r#","close":"cancel""#);
                Ending::Left
            }
            ParentClose::Abandon => {
                body.push_str(r#","close":"abandon""#);
                Ending::Left
            }
        };
        if let Some(deadline) = self.deadline {
            let length = limited(deadline, "a deadline", at)?;
            body.push_str(r#","deadline_s":"#);
            body.push_str(&host::seconds(length));
        }
        let label = format!("{} {id}", self.workflow);
        let future = Future::begin("execute", &body, &label, ending, at)?;
        Ok(Child { id, future })
    }
}

fn next_id() -> String {
    host::session(|one| {
        let run = if one.run == 1 {
            String::new()
        } else {
            format!("r{}.", one.run)
        };
        format!("{}.{run}{}", one.execution, one.effects + 1)
    })
}

impl<T> Child<T> {
    /// Waits for the child's result.
    ///
    /// # Errors
    ///
    /// [`Kind::ExecutionFailed`](crate::Kind::ExecutionFailed) and
    /// [`Kind::ExecutionCancelled`](crate::Kind::ExecutionCancelled); if it could not be started,
    /// [`Kind::ExecutionConflict`](crate::Kind::ExecutionConflict),
    /// [`Kind::InputInvalid`](crate::Kind::InputInvalid) or [`Kind::Usage`](crate::Kind::Usage);
    /// [`Kind::Cancelled`](crate::Kind::Cancelled) when this execution is cancelled meanwhile.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use flawless::Kind;
    ///
    /// match flawless::start::<String>("shop.ship", ("tea",))?.join() {
    ///     Ok(parcel) => println!("{parcel}"),
    ///     Err(error) if error.kind() == Kind::ExecutionFailed => println!("{error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, Error> {
        self.future.join()
    }

    /// Waits for the child's result, at most for a while; none when the time has passed.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join); [`Kind::Usage`](crate::Kind::Usage) for more than 100 years.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let child = flawless::start::<String>("shop.ship", ("tea",))?;
    /// match child.join_timeout(std::time::Duration::from_secs(3600))? {
    ///     Some(parcel) => println!("{parcel}"),
    ///     None => println!("{} goes on", child.id),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, timeout: Duration) -> Result<Option<T>, Error> {
        self.future.join_timeout(timeout)
    }

    /// Asks the child to cancel itself; false when it has ended already.
    ///
    /// It is told where it waits and may clean up, so it ends later; to join it is then
    /// [`Kind::ExecutionCancelled`](crate::Kind::ExecutionCancelled).
    ///
    /// # Errors
    ///
    /// [`Kind::Cancelled`](crate::Kind::Cancelled) when this execution is cancelled meanwhile.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let child = flawless::start::<String>("shop.ship", ("tea",))?;
    /// if child.cancel("the order was withdrawn")? {
    ///     println!("it cleans up");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn cancel(&self, reason: &str) -> Result<bool, Error> {
        let at = Location::caller();
        if self.done() {
            return Ok(false);
        }
        let mut body = format!(r#""execution":{}"#, host::quoted(&self.id));
        if !reason.is_empty() {
            body.push_str(r#","reason":"#);
            body.push_str(&host::quoted(reason));
        }
        let value = host::perform("cancel", &body, at)?;
        value::decode(&value, "cancel", at)
    }

    /// Sends the child a message, as [`send`](crate::send()) does.
    ///
    /// # Errors
    ///
    /// As [`send`](crate::send()).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let child = flawless::start::<String>("shop.approve", ("tea",))?;
    /// child.send("confirm", &true)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn send<P: Serialize + ?Sized>(&self, name: &str, payload: &P) -> Result<(), Error> {
        send::send(&self.id, name, payload)
    }

    pub(crate) fn into_future(self) -> Future<T> {
        self.future
    }
}

impl<T> Deref for Child<T> {
    type Target = Future<T>;

    fn deref(&self) -> &Future<T> {
        &self.future
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Child({:?})", self.future)
    }
}
