//! What a server answered.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base64;
use crate::error::{Error, Kind};

/// What the server answered, whatever its status.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> Result<(), flawless::Error> {
/// let page = flawless::http::get("https://shop.example/").send()?;
/// println!("{} {:?}: {}", page.status(), page.header("Content-Type"), page.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response {
    status: u16,
    url: String,
    headers: Vec<(String, String)>,
    /// Lower-case names with the values of all headers of that name, joined by commas.
    joined: Vec<(String, String)>,
    body: Content,
    /// Method and URL of the request.
    label: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Text(String),
    Base64(String),
}

#[derive(Deserialize)]
struct Told {
    status: u16,
    url: String,
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<Content>,
}

impl Response {
    /// The status.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// if page.status() == 404 {
    ///     println!("there is none");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is below 400.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// if !page.ok() {
    ///     println!("{} is not well", page.url());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ok(&self) -> bool {
        self.status < 400
    }

    /// The address of the answer, after redirects.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// println!("it was found at {}", page.url());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A header by its name, whatever its case; the values of a repeated one are joined by commas.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// let kind = page.header("content-type").unwrap_or("unknown");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.joined
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Every header as name and value, in order.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// for (name, value) in page.headers() {
    ///     println!("{name}: {value}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body as text, by the charset of the content type: UTF-8 when it names none, or one that
    /// is neither UTF-8 nor Latin-1. What is no text is shown as `U+FFFD`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// println!("{} lines", page.text().lines().count());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        let encoded = match &self.body {
            Content::Text(text) => return text.clone(),
            Content::Base64(encoded) => decoded(encoded),
        };
        if matches!(
            self.charset().to_ascii_lowercase().as_str(),
            "iso-8859-1" | "latin-1" | "latin1"
        ) {
            return encoded.into_iter().map(char::from).collect();
        }
        String::from_utf8_lossy(&encoded).into_owned()
    }

    /// The body as bytes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// println!("{} bytes", page.bytes().len());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Content::Text(text) => text.clone().into_bytes(),
            Content::Base64(encoded) => decoded(encoded),
        }
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// [`Kind::InputInvalid`] when it is no JSON, or no `T`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?;
    /// let prices: Vec<u32> = page.json()?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = match &self.body {
            Content::Text(text) => Cow::Borrowed(text.as_bytes()),
            Content::Base64(encoded) => Cow::Owned(decoded(encoded)),
        };
        serde_json::from_slice(&text).map_err(|error| {
            Error::own(
                Kind::InputInvalid,
                "InputInvalid",
                format!("the body of {}: {error}", self.label),
                Location::caller(),
            )
        })
    }

    /// The response itself, or an error for a status of 400 or above.
    ///
    /// # Errors
    ///
    /// [`Kind::HttpStatus`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), flawless::Error> {
    /// let page = flawless::http::get("https://shop.example/").send()?.error_for_status()?;
    /// println!("{}", page.text());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn error_for_status(self) -> Result<Self, Error> {
        if self.ok() {
            return Ok(self);
        }
        let method = self.label.split(' ').next().unwrap_or("");
        Err(Error::own(
            Kind::HttpStatus,
            "HTTPStatusError",
            format!("{method} {} answered {}", self.url, self.status),
            Location::caller(),
        ))
    }

    fn charset(&self) -> &str {
        self.header("content-type")
            .and_then(|kind| {
                kind.split(';').skip(1).find_map(|part| {
                    let (name, value) = part.trim().split_once('=')?;
                    name.eq_ignore_ascii_case("charset")
                        .then(|| value.trim_matches(['"', '\'']))
                })
            })
            .unwrap_or("utf-8")
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Response({} {})", self.status, self.url)
    }
}

fn decoded(encoded: &str) -> Vec<u8> {
    base64::decode(encoded).expect("the engine writes base64")
}

/// Reads the value of an HTTP effect.
pub(super) fn read(
    text: &str,
    label: &str,
    at: &'static Location<'static>,
) -> Result<Response, Error> {
    let told: Told = serde_json::from_str(text)
        .map_err(|error| Error::usage(format!("{label}: the engine's response: {error}"), at))?;
    let mut joined: Vec<(String, String)> = Vec::new();
    for (name, value) in &told.headers {
        match joined
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            None => joined.push((name.to_ascii_lowercase(), value.clone())),
        }
    }
    Ok(Response {
        status: told.status,
        url: told.url,
        headers: told.headers,
        joined,
        body: told.body.unwrap_or_else(|| Content::Text(String::new())),
        label: label.into(),
    })
}
