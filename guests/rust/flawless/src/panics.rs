//! Panics: they end the guest, for there is no unwinding, and are told as the workflow's failure.

use std::io::Write as _;
use std::panic::{Location, PanicHookInfo};

use crate::report;

/// Has panics end the run with an error that names the place.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    let at = info.location().unwrap_or(Location::caller());
    let error = report::panicked(message, at);
    // The last words are what people look for, and may lack their line's end.
    std::io::stdout().flush().ok();
    end(&format!(r#"{{"error":{error}}}"#));
}

#[cfg(target_family = "wasm")]
fn end(output: &str) {
    crate::abi::finish(output);
}

#[cfg(not(target_family = "wasm"))]
fn end(output: &str) {
    eprintln!("{output}");
}
