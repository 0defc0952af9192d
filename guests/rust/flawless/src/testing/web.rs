//! HTTP as the world answers it.

use std::cell::RefCell;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Fault;
use crate::base64;

/// A request that a workflow sent.
///
/// # Examples
///
/// ```
/// use flawless::http;
/// use flawless::testing::{Reply, World};
///
/// let world = World::new().http("PUT", "https://shop.example/", |_| Ok(Reply::new(204)));
/// world.run(|| http::put("https://shop.example/").send()).unwrap();
/// let asked = &world.requests()[0];
/// assert_eq!((asked.method.as_str(), asked.body.len()), ("PUT", 0));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The URL, with its query.
    pub url: String,
    /// The headers that the workflow set, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, whatever the case of its name.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("PUT", "https://shop.example/", |_| Ok(Reply::new(204)));
    /// world.run(|| http::put("https://shop.example/").header("X-Shop", "tea").send()).unwrap();
    /// assert_eq!(world.requests()[0].header("x-shop"), Some("tea"));
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// When it is not UTF-8.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("PUT", "https://shop.example/", |_| Ok(Reply::new(204)));
    /// world.run(|| http::put("https://shop.example/").body("tea").send()).unwrap();
    /// assert_eq!(world.requests()[0].text(), "tea");
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body of the request is text")
    }

    /// The body, read from JSON.
    ///
    /// # Panics
    ///
    /// When it is not JSON of such a type.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("PUT", "https://shop.example/", |_| Ok(Reply::new(204)));
    /// world.run(|| http::put("https://shop.example/").json(&3).send()).unwrap();
    /// assert_eq!(world.requests()[0].json::<u32>(), 3);
    /// ```
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the JSON body of the request: {error}"))
    }
}

/// What a server answers.
///
/// # Examples
///
/// ```
/// use flawless::http;
/// use flawless::testing::{Reply, World};
///
/// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::text(200, "tea")));
/// let response = world.run(|| http::get("https://shop.example/").send()).unwrap();
/// assert_eq!((response.status(), response.text().as_str()), (200, "tea"));
/// ```
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// An answer with this status, and with an empty body.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::new(404)));
    /// let response = world.run(|| http::get("https://shop.example/").send()).unwrap();
    /// assert_eq!(response.status(), 404);
    /// ```
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer in JSON.
    ///
    /// # Panics
    ///
    /// When the value cannot be written as JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::json(200, &[1, 2])));
    /// let response = world.run(|| http::get("https://shop.example/").send()).unwrap();
    /// assert_eq!(response.json::<Vec<u32>>().unwrap(), [1, 2]);
    /// ```
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        let body = serde_json::to_vec(value)
            .unwrap_or_else(|error| panic!("the JSON body of the reply: {error}"));
        Self::new(status)
            .header("content-type", "application/json")
            .body(body)
    }

    /// An answer in plain text.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::text(200, "tea")));
    /// let response = world.run(|| http::get("https://shop.example/").send()).unwrap();
    /// assert_eq!(response.text(), "tea");
    /// ```
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status)
            .header("content-type", "text/plain; charset=utf-8")
            .body(text)
    }

    /// Adds a header.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::new(200).header("X-Shop", "tea")));
    /// let response = world.run(|| http::get("https://shop.example/").send()).unwrap();
    /// assert_eq!(response.header("x-shop"), Some("tea"));
    /// ```
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::new(200).body(vec![0, 255])));
    /// let response = world.run(|| http::get("https://shop.example/").send()).unwrap();
    /// assert_eq!(response.bytes(), [0, 255]);
    /// ```
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn told(&self, url: &str) -> Value {
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) => json!({"text": text}),
            Err(_) => json!({"base64": base64::encode(&self.body)}),
        };
        json!({"status": self.status, "url": url, "headers": self.headers, "body": body})
    }
}

pub(super) type Server = Rc<RefCell<dyn FnMut(&Request) -> Result<Reply, Fault>>>;

/// What is known of the web.
#[derive(Default)]
pub(super) struct Pages {
    known: Vec<(String, String, Server)>,
    pub requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Body>,
}

#[derive(Deserialize)]
struct Body {
    text: Option<String>,
    base64: Option<String>,
}

impl Pages {
    pub fn add(
        &mut self,
        method: &str,
        url: &str,
        answers: impl FnMut(&Request) -> Result<Reply, Fault> + 'static,
    ) {
        let server = Rc::new(RefCell::new(answers));
        self.known
            .push((method.to_ascii_uppercase(), url.into(), server));
    }

    /// Keeps a request and returns it, with who answers it.
    pub fn take(&mut self, request: &str) -> (Request, Server) {
        let asked: Asked = serde_json::from_str(request).expect("the crate writes requests");
        let body = match asked.body {
            Some(Body {
                text: Some(text), ..
            }) => text.into_bytes(),
            Some(Body {
                base64: Some(text), ..
            }) => base64::decode(&text).unwrap_or_default(),
            _ => Vec::new(),
        };
        let request = Request {
            method: asked.method,
            url: asked.url,
            headers: asked.headers,
            body,
        };
        self.requests.push(request.clone());
        let server = self
            .known
            .iter()
            .find(|(method, url, _)| *method == request.method && fits(url, &request.url))
            .map(|(_, _, server)| Rc::clone(server));
        let Some(server) = server else {
            panic!(
                "the workflow requests {} {}, and nobody answers it: say with World::http what \
                 comes back",
                request.method, request.url
            );
        };
        (request, server)
    }
}

/// Asks a server.
pub(super) fn fetched(request: &Request, server: &Server) -> Result<Value, Fault> {
    let reply = (server.borrow_mut())(request)?;
    Ok(reply.told(&request.url))
}

fn fits(pattern: &str, url: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => url.starts_with(beginning),
        None => url.split(['?', '#']).next() == Some(pattern),
    }
}
