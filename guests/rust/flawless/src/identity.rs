//! Which execution this is, which run of it, and the keys of its effects.

use crate::{blake2b, host};

/// The id of this execution; empty outside of a workflow.
///
/// # Examples
///
/// ```no_run
/// let link = format!("https://shop.example/orders/{}", flawless::execution_id());
/// # let _ = link;
/// ```
#[must_use]
pub fn execution_id() -> String {
    host::session(|one| one.execution.clone())
}

/// Which run of the execution this is, counted from 1; each
/// [`continue_as_new`](crate::continue_as_new) begins the next one.
///
/// # Examples
///
/// ```no_run
/// if flawless::run() == 1 {
///     println!("this is where it began");
/// }
/// ```
#[must_use]
pub fn run() -> u64 {
    host::session(|one| one.run)
}

/// The key of the effect that is asked for next, in the form of a UUID.
///
/// It is the one that a step gets from `flawless.idempotency_key()`, and that the engine sends as
/// the header `Idempotency-Key` of a request: the same in every attempt and after every crash, and
/// in no other effect. Here it is of use for a service that wants it elsewhere, in a body say.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let charge = serde_json::json!({"cents": 1290, "key": flawless::idempotency_key()});
/// flawless::http::post("https://bank.example/charges").json(&charge).idempotent().send()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn idempotency_key() -> String {
    let (run, effect) = host::session(|one| {
        let run = match one.run {
            0 | 1 => one.execution.clone(),
            run => format!("{}~{run}", one.execution),
        };
        (run, one.effects + 1)
    });
    uuid(blake2b::digest(format!("{run}\n{effect}").as_bytes()))
}

/// Bytes in the form of a UUID.
pub(crate) fn uuid(bytes: [u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::uuid;

    /// Bytes come in order, leading zeros included.
    #[test]
    fn bytes_take_the_form_of_a_uuid() {
        let bytes = std::array::from_fn(|place| u8::try_from(place).expect("there are 16"));
        assert_eq!(uuid(bytes), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
