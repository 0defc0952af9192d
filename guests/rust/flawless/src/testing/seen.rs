//! What a world tells of a workflow afterwards.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::World;
use super::script::{Call, Logged, Sent};
use super::web::Request;

impl World {
    /// The time in the world.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    ///
    /// let world = World::new();
    /// assert_eq!(world.run(|| flawless::now()), world.now());
    /// ```
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let us = self.script.borrow().now_us;
        SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(us).unwrap_or(0))
    }

    /// How much time has passed in the world.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::sleep;
    /// use std::time::Duration;
    ///
    /// let world = World::new();
    /// world.run(|| sleep(Duration::from_secs(60))).unwrap();
    /// assert_eq!(world.elapsed(), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let script = self.script.borrow();
        let us = script.now_us - script.began_us;
        Duration::from_micros(u64::try_from(us).unwrap_or(0))
    }

    /// The steps that were run, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{json, step};
    ///
    /// let world = World::new().step("shop.pack", |_| Ok(json!(null)));
    /// world.run(|| step::<()>("shop.pack", ("tea",))).unwrap();
    /// assert_eq!(world.steps().len(), 1);
    /// ```
    #[must_use]
    pub fn steps(&self) -> Vec<Call> {
        self.script.borrow().steps.calls.clone()
    }

    /// The children that were started, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{json, start};
    ///
    /// let world = World::new().child("shop.report", |_| Ok(json!(7)));
    /// world.run(|| start::<u32>("shop.report", ("tea",))?.join()).unwrap();
    /// assert_eq!(world.children()[0].args, [json!("tea")]);
    /// ```
    #[must_use]
    pub fn children(&self) -> Vec<Call> {
        self.script.borrow().children.calls.clone()
    }

    /// The HTTP requests that were sent, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::http;
    /// use flawless::testing::{Reply, World};
    ///
    /// let world = World::new().http("GET", "https://shop.example/", |_| Ok(Reply::new(204)));
    /// world.run(|| http::get("https://shop.example/").send()).unwrap();
    /// assert_eq!(world.requests()[0].url, "https://shop.example/");
    /// ```
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.script.borrow().pages.requests.clone()
    }

    /// The messages that were sent, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::send;
    ///
    /// let world = World::new();
    /// world.run(|| send("order-1", "paid", &300)).unwrap();
    /// assert_eq!(world.sent()[0].to, "order-1");
    /// ```
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.script.borrow().sent.clone()
    }

    /// The states that were published, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{json, publish};
    ///
    /// let world = World::new();
    /// world.run(|| publish(&"packing")).unwrap();
    /// assert_eq!(world.published(), [json!("packing")]);
    /// ```
    #[must_use]
    pub fn published(&self) -> Vec<Value> {
        self.script.borrow().published.clone()
    }

    /// What was responded to whoever started the execution.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{json, respond};
    ///
    /// let world = World::new();
    /// world.run(|| respond(&"accepted")).unwrap();
    /// assert_eq!(world.response(), Some(json!("accepted")));
    /// ```
    #[must_use]
    pub fn response(&self) -> Option<Value> {
        self.script.borrow().response.clone()
    }

    /// What was logged.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    ///
    /// let world = World::new();
    /// world.run(|| flawless::log::info!("packing"));
    /// assert_eq!(world.logged()[0].message, "packing");
    /// ```
    #[must_use]
    pub fn logged(&self) -> Vec<Logged> {
        self.script.borrow().logged.clone()
    }

    /// What was put before a person, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    ///
    /// let world = World::new();
    /// world.run(|| flawless::log::info!("nobody is asked"));
    /// assert!(world.parked().is_empty());
    /// ```
    #[must_use]
    pub fn parked(&self) -> Vec<String> {
        self.script.borrow().parked.clone()
    }

    /// The arguments of the next run, if the last one ended with
    /// [`continue_as_new`](crate::continue_as_new).
    ///
    /// # Examples
    ///
    /// ```
    /// use flawless::testing::World;
    /// use flawless::{Result, continue_as_new, json};
    ///
    /// let world = World::new();
    /// let outcome: Result<()> = world.run(|| continue_as_new((2,)));
    /// assert!(outcome.is_err());
    /// assert_eq!(world.next_run(), Some(vec![json!(2)]));
    /// ```
    #[must_use]
    pub fn next_run(&self) -> Option<Vec<Value>> {
        self.script.borrow().next_run.clone()
    }
}
