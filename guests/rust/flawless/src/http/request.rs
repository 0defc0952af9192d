//! Requests, built call by call.

use std::fmt::{self, Write as _};
use std::panic::Location;
use std::time::Duration;

use serde::Serialize;

use super::response::{Response, read};
use super::{json, url};
use crate::base64;
use crate::error::{Error, Kind};
use crate::future::{Ending, Future};
use crate::host;

const REDIRECTS: u32 = 10;
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request that is being built; [`send`](Self::send) or [`start`](Self::start) sends it.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::http;
/// use std::time::Duration;
///
/// let response = http::post("https://shop.example/orders")
///     .query("dry_run", true)
///     .header("X-Shop", "north")
///     .json(&serde_json::json!({"item": "tea"}))
///     .timeout(Duration::from_secs(10))
///     .send()?;
/// println!("{}", response.status());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is not sent before `send` or `start`"]
pub struct Request {
    method: String,
    url: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    bodies: u32,
    body: Option<Content>,
    problem: Option<(Kind, String)>,
    timeout: Duration,
    max_bytes: Option<u64>,
    redirects: u32,
    idempotent: bool,
    park: bool,
}

/// A body, and what it is if nobody says otherwise.
#[derive(Clone, Debug)]
struct Content {
    body: Body,
    kind: &'static str,
}

/// The body of a request: text or bytes.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// use flawless::http::Body;
///
/// let note = Body::Text("two lines\nof text".into());
/// flawless::http::put("https://shop.example/notes/7").body(note).send()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum Body {
    /// Sent as UTF-8; `text/plain`, unless a header says otherwise.
    Text(String),
    /// Sent as they are; `application/octet-stream`, unless a header says otherwise.
    Bytes(Vec<u8>),
}

impl Request {
    pub(super) fn new(method: String, url: String) -> Self {
        Self {
            method,
            url,
            query: Vec::new(),
            headers: Vec::new(),
            bodies: 0,
            body: None,
            problem: None,
            timeout: TIMEOUT,
            max_bytes: None,
            redirects: REDIRECTS,
            idempotent: false,
            park: false,
        }
    }

    /// Adds a pair to the URL's query.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::get("https://shop.example/").query("page", 2).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a header.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::get("https://shop.example/").header("Accept", "text/csv").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// Sends a value as JSON. If it cannot be written, `send` and `start` give the error.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::put("https://shop.example/orders/7").json(&("tea", 2)).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match json::text(value) {
            Ok(text) => self.content(Body::Text(text), "application/json"),
            Err(error) => {
                self.problem = Some((Kind::InputInvalid, format!("the JSON body: {error}")));
                self
            }
        }
    }

    /// Sends pairs as a form.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let fields = [("item", "tea"), ("count", "2")];
    /// flawless::http::post("https://shop.example/orders").form(&fields).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn form<N: fmt::Display, V: fmt::Display>(self, pairs: &[(N, V)]) -> Self {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        self.content(
            Body::Text(url::encode(&pairs)),
            "application/x-www-form-urlencoded",
        )
    }

    /// Sends a text or bytes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::put("https://shop.example/notes/7").body("two lines\nof text").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn body(self, body: impl Into<Body>) -> Self {
        let body = body.into();
        let kind = match body {
            Body::Text(_) => "text/plain; charset=utf-8",
            Body::Bytes(_) => "application/octet-stream",
        };
        self.content(body, kind)
    }

    /// Limits the whole request to this time (30 s by default); then
    /// [`Kind::RequestTimeout`](crate::Kind::RequestTimeout).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use std::time::Duration;
    ///
    /// flawless::http::get("https://shop.example/").timeout(Duration::from_secs(5)).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits the response's body (to the engine's own limit by default); a longer one is
    /// [`Kind::BodyTooLarge`](crate::Kind::BodyTooLarge).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::get("https://shop.example/").max_bytes(100_000).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_bytes(mut self, limit: u64) -> Self {
        self.max_bytes = Some(limit);
        self
    }

    /// Follows this many redirects (10 by default); more are
    /// [`Kind::TooManyRedirects`](crate::Kind::TooManyRedirects). With 0 a redirect is the response.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let moved = flawless::http::get("https://shop.example/old").redirects(0).send()?;
    /// println!("{:?}", moved.header("Location"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// Says that sending it twice does no harm: it may be sent again after a crash.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::post("https://shop.example/search").body("tea").idempotent().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// If the engine dies while the request is under way, it is never sent again by itself: the
    /// execution waits for a person's decision.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// flawless::http::post("https://bank.example/charges").body("1290").park().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn park(mut self) -> Self {
        self.park = true;
        self
    }

    /// Sends the request and waits for the response, whatever its status.
    ///
    /// Durability: the response is journaled. See the [module](crate::http) for what happens when
    /// the engine dies meanwhile.
    ///
    /// # Errors
    ///
    /// When there is no response: [`Kind::ConnectError`], [`Kind::RequestTimeout`],
    /// [`Kind::BodyTooLarge`], [`Kind::TooManyRedirects`], [`Kind::InvalidUrl`],
    /// [`Kind::ProtocolError`], [`Kind::EgressDenied`], [`Kind::SecretUnavailable`];
    /// [`Kind::Interrupted`]; [`Kind::Cancelled`]. [`Kind::Usage`] for a request with two bodies,
    /// [`Kind::InputInvalid`] for JSON that cannot be written.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// use flawless::{Kind, http};
    ///
    /// match http::get("https://shop.example/").send() {
    ///     Ok(page) => println!("{}", page.status()),
    ///     Err(error) if error.kind() == Kind::RequestTimeout => println!("too slow"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn send(self) -> Result<Response, Error> {
        let at = Location::caller();
        let label = self.label();
        let value =
            host::perform("http", &self.fields(at)?, at).map_err(|error| error.of(&label))?;
        read(&value, &label, at)
    }

    /// Starts the request and returns at once with a future of the response.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for a request with two bodies, [`Kind::InputInvalid`] for JSON that cannot
    /// be written. The others of [`send`](Self::send) come when the future is joined.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let pages = ["a", "b"]
    ///     .map(|page| flawless::http::get("https://shop.example/").query("page", page).start());
    /// for page in pages {
    ///     println!("{}", page?.join()?.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start(self) -> Result<Future<Response>, Error> {
        let at = Location::caller();
        let (fields, label) = (self.fields(at)?, self.label());
        Future::begin_with("http", &fields, &label, Ending::Awaited, read, at)
    }

    fn content(mut self, body: Body, kind: &'static str) -> Self {
        self.bodies += 1;
        self.body = Some(Content { body, kind });
        self
    }

    fn label(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    fn fields(&self, at: &'static Location<'static>) -> Result<String, Error> {
        if let Some((kind, problem)) = &self.problem {
            return Err(Error::own(*kind, "InputInvalid", problem.clone(), at));
        }
        if self.bodies > 1 {
            let message = "a request has one body: json, form or body";
            return Err(Error::usage(message.into(), at));
        }
        let mut fields = format!(
            r#""method":{},"url":{},"headers":[{}],"body":{},"timeout_s":{},"max_redirects":{},"idempotent":{}"#,
            host::quoted(&self.method),
            host::quoted(&url::with_query(&self.url, &self.query)),
            self.headers().join(","),
            self.body.as_ref().map_or("null".into(), Content::field),
            host::seconds(self.timeout),
            self.redirects,
            self.idempotent,
        );
        if let Some(limit) = self.max_bytes {
            write!(fields, r#","max_bytes":{limit}"#).expect("it is a text");
        }
        if self.park {
            fields.push_str(r#","on_interrupt":"park""#);
        }
        Ok(fields)
    }

    fn headers(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| pair(name, value))
            .collect();
        if let Some(content) = &self.body
            && !self
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            lines.push(pair("Content-Type", content.kind));
        }
        lines
    }
}

fn pair(name: &str, value: &str) -> String {
    format!("[{},{}]", host::quoted(name), host::quoted(value))
}

impl Content {
    fn field(&self) -> String {
        match &self.body {
            Body::Text(text) => format!(r#"{{"text":{}}}"#, host::quoted(text)),
            Body::Bytes(bytes) => format!(r#"{{"base64":"{}"}}"#, base64::encode(bytes)),
        }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Body {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
