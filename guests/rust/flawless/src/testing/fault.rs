//! How what a workflow asks for fails.

use serde_json::{Map, Value, json};

/// What a step, a request or a child fails with.
///
/// # Examples
///
/// ```
/// use flawless::testing::{Fault, World};
/// use flawless::{Kind, step};
///
/// let world = World::new()
///     .step("shop.charge", |_| Err(Fault::new("shop.Declined", "no money")))
///     .step("shop.look_up", |_| Err(Fault::interrupted()))
///     .step("shop.pack", |_| Err("out of boxes".into()));
/// let error = world.run(|| step::<()>("shop.charge", ())).unwrap_err();
/// assert_eq!((error.kind(), error.type_name()), (Kind::StepFailed, "Declined"));
/// let error = world.run(|| step::<()>("shop.look_up", ())).unwrap_err();
/// assert_eq!(error.kind(), Kind::Interrupted);
/// ```
#[derive(Clone, Debug)]
pub struct Fault(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    module: String,
    name: String,
    message: String,
    fields: Map<String, Value>,
}

impl Fault {
    /// An exception of a Python class: `shop.Declined`, or a built-in one such as `ValueError`.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::{Fault, World};
    /// use flawless::step;
    ///
    /// let world = World::new().step("shop.pack", |_| Err(Fault::new("ValueError", "too heavy")));
    /// let error = world.run(|| step::<()>("shop.pack", ())).unwrap_err();
    /// assert_eq!((error.type_name(), error.message()), ("ValueError", "too heavy"));
    /// ```
    #[must_use]
    pub fn new(class: &str, message: &str) -> Self {
        let (module, name) = class.rsplit_once('.').unwrap_or(("builtins", class));
        Self(Box::new(Inner {
            module: module.into(),
            name: name.into(),
            message: message.into(),
            fields: Map::new(),
        }))
    }

    /// The engine died while it was under way, and it is not done again.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::{Fault, World};
    /// use flawless::{Kind, step};
    ///
    /// let world = World::new().step("shop.pack", |_| Err(Fault::interrupted()));
    /// let error = world.run(|| step::<()>("shop.pack", ())).unwrap_err();
    /// assert_eq!(error.kind(), Kind::Interrupted);
    /// ```
    #[must_use]
    pub fn interrupted() -> Self {
        Self::of_engine("Interrupted", "the engine died meanwhile")
    }

    /// The server cannot be reached.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::{Fault, World};
    /// use flawless::http;
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Err(Fault::unreachable()));
    /// let error = world.run(|| http::get("https://shop.example/").send()).unwrap_err();
    /// assert_eq!(error.type_name(), "ConnectError");
    /// ```
    #[must_use]
    pub fn unreachable() -> Self {
        Self::of_engine("ConnectError", "the server cannot be reached")
    }

    /// The response did not come within the timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::{Fault, World};
    /// use flawless::http;
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Err(Fault::timeout()));
    /// let error = world.run(|| http::get("https://shop.example/").send()).unwrap_err();
    /// assert_eq!(error.type_name(), "RequestTimeout");
    /// ```
    #[must_use]
    pub fn timeout() -> Self {
        Self::of_engine("RequestTimeout", "no response within the timeout")
    }

    /// An error of the engine, by its name in the Python package: `InboxFull`.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::{Fault, World};
    /// use flawless::step;
    ///
    /// let absent = || Fault::of_engine("StepNotFound", "no such step");
    /// let world = World::new().step("shop.pack", move |_| Err(absent()));
    /// let error = world.run(|| step::<()>("shop.pack", ())).unwrap_err();
    /// assert_eq!(error.type_name(), "StepNotFound");
    /// ```
    #[must_use]
    pub fn of_engine(name: &str, message: &str) -> Self {
        Self::new(&format!("flawless.{name}"), message)
    }

    /// The same failure, as that of a child execution.
    pub(super) fn of_child(self, execution: &str) -> Self {
        let Inner {
            module,
            name,
            message,
            ..
        } = &*self.0;
        if module == "flawless" {
            return self;
        }
        let shown = format!("{execution} failed: {name}: {message}");
        let mut failed = Self::of_engine("ExecutionFailed", &shown);
        failed.0.fields = Map::from_iter([
            ("execution".into(), json!(execution)),
            ("type".into(), json!(name)),
            ("message".into(), json!(message)),
        ]);
        failed
    }

    pub(super) fn told(&self) -> Value {
        json!({
            "type": self.0.name,
            "module": self.0.module,
            "message": self.0.message,
            "traceback": "",
            "frames": [],
            "fields": self.0.fields,
        })
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::new("RuntimeError", message)
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::new("RuntimeError", &message)
    }
}
