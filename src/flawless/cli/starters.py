"""The files that `init` writes: applications that run as they are, to be changed."""

from __future__ import annotations

from typing import Final

PYTHON: Final = '''"""A first Flawless application. Serve it with: flawless up app.py"""

import random
import time

from flawless import step, workflow


# A step runs outside the workflow, with any library you like, and its result is kept: whatever
# happens afterwards, it is not done twice. This one fails now and then, and is tried again.
@step(retries=5)
def charge(card: str, cents: int) -> str:
    """Pretend to charge a card, and return the receipt's number."""
    if random.random() < 0.3:
        raise ConnectionError("the bank does not answer")
    return f"receipt-{random.randrange(10_000)}"


# A workflow is a regular function. Kill the server while it runs (kill -9 is fine) and start it
# again: the function goes on where it was, with all its variables.
@workflow
def order(item: str = "a book", cents: int = 1290) -> str:
    """Charge for an item, wait a little, and tell about it."""
    print(f"charging for {item}")
    receipt = charge("4242", cents)
    time.sleep(5)  # five seconds or five days: waiting costs nothing, and survives restarts
    return f"{item} is on its way ({receipt})"
'''

RUST_LIB: Final = """\
//! A first Flawless application in Rust. Serve it, with its steps: flawless up . steps.py

use std::time::Duration;

use flawless::{Result, sleep, step, workflow};

// A workflow is a regular function. Kill the server while it runs (kill -9 is fine) and start it
// again: the function goes on where it was, with all its variables.
/// Charges for an item, waits a little, and tells about it.
#[workflow]
pub fn order(item: String, cents: u32) -> Result<String> {
    println!("charging for {item}");

    // A step is native Python, in steps.py: it runs outside the workflow, and its result is kept.
    let receipt: String = step("steps.charge", ("4242", cents))?;

    // Five seconds or five days: waiting costs nothing, and survives restarts.
    sleep(Duration::from_secs(5))?;
    Ok(format!("{item} is on its way ({receipt})"))
}
"""

RUST_STEPS: Final = '''"""The native steps of the workflows in src/lib.rs."""

import random

from flawless import step


# Any library you like can be used here. Whatever happens afterwards, a step that has returned is
# not done twice. This one fails now and then, and is tried again.
@step(retries=5)
def charge(card: str, cents: int) -> str:
    """Pretend to charge a card, and return the receipt's number."""
    if random.random() < 0.3:
        raise ConnectionError("the bank does not answer")
    return f"receipt-{random.randrange(10_000)}"
'''

RUST_MANIFEST: Final = """\
[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib"]  # what becomes a component

[dependencies]
flawless = {{ path = "vendor/flawless" }}

[profile.release]
lto = true
codegen-units = 1

[workspace]
"""

RUST_IGNORED: Final = "target/\n.flawless/\n__pycache__/\n"
