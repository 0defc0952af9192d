//! Errors that are called as Python calls its own, so that what is recorded of them is the same.

use std::error::Error;
use std::fmt;

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(String);

        impl $name {
            /// Makes one that says this.
            pub fn new(message: impl Into<String>) -> Self {
                Self(message.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl Error for $name {}
    )*};
}

errors! {
    /// Something was not found.
    LookupError,
    /// Anything else.
    RuntimeError
}
