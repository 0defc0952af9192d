//! Random numbers. They come from the execution's own seed, so every replay sees the same ones, at
//! no cost in the journal.
//!
//! They are good for everything but keys: whoever may read the journal may compute them.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use crate::identity;

/// Bytes that are asked for at once.
const CHUNK: usize = 256;

thread_local! {
    static LEFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Random bytes.
///
/// # Examples
///
/// ```no_run
/// let salt = flawless::rand::bytes(16);
/// assert_eq!(salt.len(), 16);
/// ```
#[must_use]
pub fn bytes(count: usize) -> Vec<u8> {
    let mut found = vec![0; count];
    fill(&mut found);
    found
}

/// A random number of all that there are.
///
/// # Examples
///
/// ```no_run
/// println!("{:x}", flawless::rand::u64());
/// ```
#[must_use]
pub fn u64() -> u64 {
    let mut found = [0; 8];
    fill(&mut found);
    u64::from_le_bytes(found)
}

/// A random number from 0 up to 1, which it never is.
///
/// # Examples
///
/// ```no_run
/// if flawless::rand::f64() < 0.1 {
///     println!("one in ten");
/// }
/// ```
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
pub fn f64() -> f64 {
    const SCALE: f64 = (1_u64 << 53) as f64;
    (u64() >> 11) as f64 / SCALE
}

/// A random whole number from a range; each has the same chance.
///
/// # Panics
///
/// When the range is empty.
///
/// # Examples
///
/// ```no_run
/// let die = flawless::rand::range(1..=6);
/// let place = flawless::rand::range(0..100_usize);
/// ```
#[must_use]
pub fn range<T: Whole>(range: impl Bounds<T>) -> T {
    let (first, last) = range.bounds();
    let width = last.wide().wrapping_sub(first.wide());
    T::narrow(first.wide().wrapping_add(below(width)))
}

/// A random UUID (version 4).
///
/// # Examples
///
/// ```no_run
/// let id = flawless::rand::uuid();
/// assert_eq!(id.len(), 36);
/// ```
#[must_use]
pub fn uuid() -> String {
    let mut found = [0; 16];
    fill(&mut found);
    found[6] = found[6] & 0x0f | 0x40;
    found[8] = found[8] & 0x3f | 0x80;
    identity::uuid(found)
}

/// A type of whole numbers.
///
/// # Examples
///
/// ```no_run
/// use flawless::rand::{Whole, range};
///
/// fn either<T: Whole>(one: T, other: T) -> T {
///     if range(0..2_u8) == 0 { one } else { other }
/// }
/// ```
pub trait Whole: Copy + PartialOrd + sealed::Sealed {
    #[doc(hidden)]
    fn wide(self) -> u64;
    #[doc(hidden)]
    fn narrow(wide: u64) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn before(self) -> Self;
}

/// A range of whole numbers, `a..b` or `a..=b`.
///
/// # Examples
///
/// ```no_run
/// let die = flawless::rand::range(1..=6);
/// let place = flawless::rand::range(0..100_usize);
/// ```
pub trait Bounds<T>: sealed::Sealed {
    /// The first one and the last one.
    #[doc(hidden)]
    fn bounds(self) -> (T, T);
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for std::ops::Range<T> {}
    impl<T> Sealed for std::ops::RangeInclusive<T> {}
}

macro_rules! whole {
    ($($kind:ty)*) => {
        $(
            impl sealed::Sealed for $kind {}

            #[allow(
                clippy::cast_sign_loss,
                clippy::cast_possible_wrap,
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                trivial_numeric_casts,
                reason = "what is widened is narrowed again to the same number"
            )]
            impl Whole for $kind {
                fn wide(self) -> u64 {
                    self as u64
                }

                fn narrow(wide: u64) -> Self {
                    wide as Self
                }

                fn before(self) -> Self {
                    self - 1
                }
            }
        )*
    };
}

whole!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<T: Whole> Bounds<T> for Range<T> {
    fn bounds(self) -> (T, T) {
        assert!(self.start < self.end, "a random number from an empty range");
        (self.start, self.end.before())
    }
}

impl<T: Whole> Bounds<T> for RangeInclusive<T> {
    fn bounds(self) -> (T, T) {
        assert!(
            self.start() <= self.end(),
            "a random number from an empty range"
        );
        self.into_inner()
    }
}

/// A random number from 0 to `last`.
fn below(last: u64) -> u64 {
    let Some(count) = last.checked_add(1) else {
        return u64();
    };
    // What lies above the last whole multiple would come too often.
    let most = u64::MAX - u64::MAX % count;
    loop {
        let found = u64();
        if found < most {
            return found % count;
        }
    }
}

fn fill(out: &mut [u8]) {
    LEFT.with_borrow_mut(|left| {
        for place in out {
            if left.is_empty() {
                *left = chunk();
            }
            *place = left.pop().expect("it was filled");
        }
    });
}

#[cfg(target_family = "wasm")]
fn chunk() -> Vec<u8> {
    unsafe extern "C" {
        fn getentropy(out: *mut u8, size: usize) -> i32;
    }
    let mut found = vec![0; CHUNK];
    // SAFETY: the memory is there, and no more than the 256 bytes that may be asked for at once.
    let failed = unsafe { getentropy(found.as_mut_ptr(), found.len()) };
    assert_eq!(failed, 0, "the engine gives random bytes");
    found
}

/// Outside of a guest: what the world of a test has, or what seeds the standard library's maps.
#[cfg(not(target_family = "wasm"))]
fn chunk() -> Vec<u8> {
    use std::hash::{BuildHasher, Hasher, RandomState};

    let number = || match SEED.get() {
        Some(seed) => {
            SEED.set(Some(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)));
            mixed(seed)
        }
        None => RandomState::new().build_hasher().finish(),
    };
    (0..CHUNK / 8)
        .flat_map(|_| number().to_le_bytes())
        .collect()
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    static SEED: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

/// Begins a row of random numbers that is the same each time.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn begin(seed: u64) {
    LEFT.with_borrow_mut(Vec::clear);
    SEED.set(Some(mixed(seed)));
}

/// Ends it.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn end() {
    LEFT.with_borrow_mut(Vec::clear);
    SEED.set(None);
}

/// Spreads a number over all bits, as `SplitMix64` does.
#[cfg(not(target_family = "wasm"))]
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::{bytes, f64, range, uuid};

    /// Both ends of a range come, and nothing beyond.
    #[test]
    fn ranges_are_kept() {
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[range(1..=6_usize) - 1] = true;
            assert_eq!(range(-3..-2_i64), -3);
            assert!((-128..=127).contains(&i32::from(range(i8::MIN..=i8::MAX))));
            assert!((0.0..1.0).contains(&f64()));
        }
        assert_eq!(seen, [true; 6]);
        let _ = range(u64::MIN..=u64::MAX);
    }

    /// An empty range is a mistake that is told.
    #[test]
    #[should_panic(expected = "empty range")]
    fn an_empty_range_panics() {
        let _ = range(3..3_u8);
    }

    /// A UUID says that it is random.
    #[test]
    fn uuids_are_of_version_4() {
        let found = uuid();
        assert_eq!(&found[14..15], "4");
        assert!("89ab".contains(&found[19..20]));
        assert_eq!(bytes(1000).len(), 1000);
    }
}
