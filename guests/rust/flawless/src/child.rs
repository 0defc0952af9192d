//! Child executions.

use std::ops::{Deref, DerefMut};
use std::panic::Location;

use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::error::Error;
use crate::future::{Ending, Future};
use crate::host;

/// A child execution: a future of its result, with its id.
pub struct Child<T> {
    /// The id of the child execution.
    pub id: String,
    future: Future<T>,
}

/// Starts a workflow as a child execution, by its name.
///
/// # Errors
///
/// When the arguments cannot be encoded.
#[track_caller]
pub fn start<T: DeserializeOwned>(workflow: &str, args: impl Args) -> Result<Child<T>, Error> {
    let at = Location::caller();
    let call = args.encode(workflow, at)?;
    let id = host::session(|one| {
        let run = if one.run == 1 {
            String::new()
        } else {
            format!("r{}.", one.run)
        };
        format!("{}.{run}{}", one.execution, one.effects + 1)
    });
    let body = format!(
        r#""workflow":{},"args":{call},"child":{}"#,
        host::quoted(workflow),
        host::quoted(&id)
    );
    let future = Future::begin(
        "execute",
        &body,
        &format!("{workflow} {id}"),
        Ending::Child,
        at,
    )?;
    Ok(Child { id, future })
}

impl<T: DeserializeOwned> Child<T> {
    /// Waits for the child's result.
    ///
    /// # Errors
    ///
    /// [`Kind::ExecutionFailed`](crate::Kind::ExecutionFailed) and
    /// [`Kind::ExecutionCancelled`](crate::Kind::ExecutionCancelled).
    #[track_caller]
    pub fn join(self) -> Result<T, Error> {
        self.future.join()
    }
}

impl<T> Deref for Child<T> {
    type Target = Future<T>;

    fn deref(&self) -> &Future<T> {
        &self.future
    }
}

impl<T> DerefMut for Child<T> {
    fn deref_mut(&mut self) -> &mut Future<T> {
        &mut self.future
    }
}
