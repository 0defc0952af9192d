//! Workflows that fail in every way there is: each ends as a failure that tells what happened.

use std::fmt;

use flawless::{Result, workflow};

#[inline(never)]
fn descend(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    if depth == u64::MAX {
        return 0;
    }
    descend(depth + 1) + room[(depth % 64) as usize]
}

/// Calls itself until the stack is exhausted.
#[workflow]
pub fn recurses() -> u64 {
    descend(1)
}

/// Panics in the middle of a line that it prints.
#[workflow]
pub fn stutters() {
    print!("half a line");
    panic!("no more");
}

/// Comes to what cannot be reached.
#[workflow]
pub fn unreachable() -> u32 {
    stop()
}

#[inline(never)]
fn stop() -> u32 {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort()
}

/// Reads memory that it does not have.
#[workflow]
pub fn out_of_bounds() -> u8 {
    peek(u32::MAX as usize - 8)
}

#[inline(never)]
fn peek(address: usize) -> u8 {
    // SAFETY: there is none, and that is the point: the engine has to survive it.
    unsafe {
        std::ptr::with_exposed_provenance::<u8>(std::hint::black_box(address)).read_volatile()
    }
}

/// Takes memory until there is none.
#[workflow]
pub fn hoards() -> usize {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1; 8 << 20]));
    }
}

/// Computes for ever.
#[workflow]
pub fn spins() -> u64 {
    let mut turns: u64 = 0;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Divides by zero, which is a panic.
#[workflow]
pub fn divides(n: u32) -> u32 {
    let zero = std::hint::black_box(0);
    n / zero
}

/// Panics behind a hook of its own, which says nothing.
#[workflow]
pub fn hooks() -> u32 {
    std::panic::set_hook(Box::new(|_| ()));
    panic!("nobody hears this")
}

/// Panics in its own panic hook.
#[workflow]
pub fn hooks_panic() -> u32 {
    std::panic::set_hook(Box::new(|_| panic!("and again")));
    panic!("once")
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("while it is dropped");
    }
}

/// Panics in a destructor.
#[workflow]
pub fn drops() -> u32 {
    let _bomb = Bomb;
    7
}

/// Panics with a value whose destructor panics too.
#[workflow]
pub fn panics_twice() -> u32 {
    let _bomb = Bomb;
    panic!("first")
}

struct Loud;

impl fmt::Display for Loud {
    fn fmt(&self, _out: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("while it is shown")
    }
}

/// Panics while the message of a panic is made.
#[workflow]
pub fn panics_while_panicking() -> u32 {
    panic!("{Loud}")
}

/// Ends the process.
#[workflow]
pub fn exits(status: i32) -> u32 {
    std::process::exit(status)
}

/// Aborts the process.
#[workflow]
pub fn aborts() -> u32 {
    std::process::abort()
}

/// Returns a text of so many bytes.
#[workflow]
pub fn returns(size: usize) -> String {
    "x".repeat(size)
}

/// Logs and prints so many bytes each.
#[workflow]
pub fn logs(size: usize) -> usize {
    let text = "y".repeat(size);
    println!("{text}");
    eprintln!("{text}");
    size
}

/// Boxes in boxes.
#[flawless::value]
pub struct Nest {
    /// What it holds.
    pub inner: Vec<Nest>,
}

/// Returns boxes in boxes.
#[workflow]
pub fn nests(depth: usize) -> Nest {
    let mut value = Nest { inner: Vec::new() };
    for _ in 0..depth {
        value = Nest { inner: vec![value] };
    }
    value
}

/// Looks for what is not there.
#[workflow]
pub fn looks() -> Result<u32> {
    let number: u32 = "many".parse()?;
    Ok(number)
}
