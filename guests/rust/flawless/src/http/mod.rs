//! HTTP requests, performed by the engine and journaled.
//!
//! ```no_run
//! # fn example() -> Result<(), flawless::Error> {
//! use flawless::http;
//!
//! #[flawless::value]
//! struct Order {
//!     id: u64,
//! }
//!
//! let order: Order = http::get("https://shop.example/orders/7").send()?.error_for_status()?.json()?;
//! # Ok(())
//! # }
//! ```
//!
//! A response is a response whatever its status; an error means that there is none. GET, HEAD,
//! OPTIONS, PUT and DELETE are sent again when the engine died meanwhile, with the same
//! `Idempotency-Key`; POST and PATCH are not ([`Kind::Interrupted`](crate::Kind::Interrupted)),
//! unless they are marked [`idempotent`](Request::idempotent). With [`park`](Request::park) a
//! person decides then.

mod json;
mod request;
mod response;
mod url;

pub use request::{Body, Request};
pub use response::Response;

/// A request of any method.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let found = flawless::http::request("PROPFIND", "https://files.example/").send()?;
/// # Ok(())
/// # }
/// ```
pub fn request(method: &str, url: impl Into<String>) -> Request {
    Request::new(method.to_uppercase(), url.into())
}

macro_rules! methods {
    ($($name:ident $method:literal $doc:literal)*) => {
        $(
            #[doc = $doc]
            ///
            /// # Examples
            ///
            /// ```no_run
            /// # fn example() -> Result<(), flawless::Error> {
            #[doc = concat!("let response = flawless::http::", stringify!($name), "(\"https://shop.example/orders/7\").send()?;")]
            /// # Ok(())
            /// # }
            /// ```
            pub fn $name(url: impl Into<String>) -> Request {
                Request::new($method.into(), url.into())
            }
        )*
    };
}

methods! {
    get "GET" "A GET request. It is sent again if the engine dies meanwhile."
    head "HEAD" "A HEAD request. It is sent again if the engine dies meanwhile."
    options "OPTIONS" "An OPTIONS request. It is sent again if the engine dies meanwhile."
    post "POST" "A POST request. It is sent at most once, unless it is marked idempotent."
    put "PUT" "A PUT request. It is sent again if the engine dies meanwhile."
    patch "PATCH" "A PATCH request. It is sent at most once, unless it is marked idempotent."
    delete "DELETE" "A DELETE request. It is sent again if the engine dies meanwhile."
}
