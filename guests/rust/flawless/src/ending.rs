//! What has to be waited for before a run may end.

use std::panic::Location;
use std::rc::Rc;

use crate::error::Error;
use crate::future::Ending;
use crate::host::{self, Place};

/// Python's level for errors.
const ERROR: i32 = 40;

/// Waits for the started effects that nobody has waited for.
///
/// A workflow that starts a step and returns has asked for the step: it is done before the end. So
/// is a child, unless it is to be left. Timers and messages are dropped.
pub(crate) fn settle() -> Result<(), Error> {
    let at = Location::caller();
    let pending: Vec<(u64, Ending)> = host::session(|one| {
        one.pending
            .iter()
            .map(|(id, pending)| (*id, pending.ending))
            .collect()
    });
    for (effect, ending) in pending {
        match ending {
            Ending::Dropped => host::drop_effect(effect, at),
            Ending::Left => {
                host::session(|one| one.pending.remove(&effect));
            }
            Ending::Awaited | Ending::Child => {}
        }
    }
    while host::session(|one| !one.pending.is_empty()) {
        host::wait(None, at)?;
    }
    Ok(())
}

/// Waits for the children whose end the workflow's own must not precede, even after an error.
pub(crate) fn settle_children() -> Result<(), Error> {
    while host::session(|one| {
        one.pending
            .values()
            .any(|pending| pending.ending == Ending::Child)
    }) {
        host::wait(None, Location::caller())?;
    }
    Ok(())
}

/// Logs the failures at which nobody has looked.
pub(crate) fn tell_unseen() {
    let unseen: Vec<(u64, Rc<str>, String)> = host::session(|one| std::mem::take(&mut one.unseen));
    for (_, label, what) in unseen {
        let text = format!("{label} failed, and nobody has looked at its outcome: {what}");
        host::log(ERROR, "flawless", &text, Place::from(Location::caller()));
    }
}
