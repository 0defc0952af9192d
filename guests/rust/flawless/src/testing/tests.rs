//! Worlds answer each effect as they are told, and keep what was done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use super::{Call, Decision, Fault, Reply, World};
use crate::{Error, Failure, Kind, Result};
use crate::{gather, http, json, now, receive, select, sleep, step};

const HOUR: Duration = Duration::from_secs(3600);

fn said<R>(run: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run))
        .err()
        .expect("it panics");
    let text = panic.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn steps_return_what_the_script_says() {
    let mut calls = 0;
    let world = World::new().step("shop.count", move |args| {
        calls += 1;
        Ok(json!(args[0].as_u64().unwrap() + calls))
    });
    let found = world.run(|| -> Result<_, Error> {
        let first: u64 = step("shop.count", (10,))?;
        let second = step::start::<u64>("shop.count", (20,))?;
        Ok((first, second.join()?))
    });
    assert_eq!(found.unwrap(), (11, 22));
    let names: Vec<String> = world.steps().into_iter().map(|call| call.name).collect();
    assert_eq!(names, ["shop.count", "shop.count"]);
    assert_eq!(world.steps()[1].args, [json!(20)]);
}

#[test]
fn a_future_can_be_joined_again_after_a_cancellation() {
    let world = World::new()
        .step("shop.charge", |_| Ok(json!("charged")))
        .cancel_after(Duration::from_secs(5), "enough");
    let found = world.run(|| -> Result<_, Error> {
        let timer = crate::sleep::start(Duration::from_secs(60))?;
        let charge = step::start::<String>("shop.charge", ())?;
        assert!(timer.join_timeout(Duration::from_secs(1))?.is_none());
        assert_eq!(gather([&timer]).unwrap_err().kind(), Kind::Cancelled);
        timer.join()?;
        Ok((charge.join()?, charge.join()?, gather(&vec![charge])?))
    });
    let charged = || String::from("charged");
    assert_eq!(found.unwrap(), (charged(), charged(), vec![charged()]));
}

#[test]
fn faults_are_errors_of_their_kind() {
    let world = World::new()
        .step("a.declined", |_| Err(Fault::new("a.Declined", "no money")))
        .step("a.dies", |_| Err(Fault::interrupted()))
        .step("a.fails", |_| Err("no".into()))
        .http("GET", "https://a.example/", |_| Err(Fault::unreachable()))
        .child("a.child", |_| Err(Fault::new("ValueError", "bad")));
    let kind = |name: &str| {
        let error = world.run(|| step::<()>(name, ())).unwrap_err();
        (error.kind(), error.type_name().to_string())
    };
    assert_eq!(kind("a.declined"), (Kind::StepFailed, "Declined".into()));
    assert_eq!(kind("a.dies"), (Kind::Interrupted, "Interrupted".into()));
    assert_eq!(kind("a.fails"), (Kind::StepFailed, "RuntimeError".into()));
    let error = world
        .run(|| http::get("https://a.example/").send())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::ConnectError);
    let error = world
        .run(|| crate::start::<u8>("a.child", (1,))?.join())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::ExecutionFailed);
    assert_eq!(world.children()[0].args, [json!(1)]);
}

#[test]
fn sleeping_takes_no_time_and_moves_the_clock() {
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let world = World::new().clock(begin);
    let (first, second) = world.run(|| {
        let first = now();
        sleep(Duration::from_secs(86_400 * 365)).unwrap();
        let timer = sleep::start(HOUR).unwrap();
        timer.join().unwrap();
        (first, now())
    });
    assert_eq!(first, begin);
    assert_eq!(second, world.now());
    assert_eq!(world.elapsed(), Duration::from_secs(86_400 * 365) + HOUR);
}

#[test]
fn messages_come_when_it_is_their_time() {
    let world = World::new()
        .message_after(2 * HOUR, "late", &2)
        .message("first", &1)
        .clock(SystemTime::UNIX_EPOCH + HOUR);
    let found = world.run(|| -> Result<_, Error> {
        let first: u8 = receive("first")?;
        let none = receive::timeout::<u8>("late", HOUR)?;
        let message = receive::message(&[], None)?.expect("there is one");
        Ok((
            first,
            none,
            message.name,
            receive::timeout::<u8>("late", HOUR)?,
        ))
    });
    assert_eq!(found.unwrap(), (1, None, "late".into(), None));
    assert_eq!(world.elapsed(), 3 * HOUR);
}

#[test]
fn futures_complete_in_the_order_of_time() {
    let world = World::new().step("a.b", |args| Ok(args[0].clone()));
    let (all, which) = world.run(|| {
        let steps = (0..3).map(|n| step::start::<u8>("a.b", (n,)).unwrap());
        let all = gather(steps).unwrap();
        let slow = sleep::start(2 * HOUR).unwrap();
        let quick = sleep::start(HOUR).unwrap();
        let which = select(&[&slow, &quick], None).unwrap();
        (all, which)
    });
    assert_eq!((all, which), (vec![0, 1, 2], Some(1)));
    assert_eq!(world.elapsed(), HOUR);
}

#[test]
fn a_cancellation_comes_at_its_time() {
    let world = World::new()
        .cancel_after(HOUR, "enough")
        .step("a.clean_up", |_| Ok(json!(null)));
    let error = world.run(|| {
        let slept = sleep(2 * HOUR);
        step::<()>("a.clean_up", ()).unwrap();
        slept.unwrap_err()
    });
    assert_eq!((error.kind(), error.message()), (Kind::Cancelled, "enough"));
    assert_eq!(world.elapsed(), HOUR);
    let world = World::new().cancel_after(HOUR, "enough");
    let error = world.run(|| receive::<u8>("never")).unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
}

#[test]
fn what_a_workflow_does_can_be_looked_at() {
    let world = World::new().execution("order-7").secret("KEY", "k-1");
    let key = world.run(|| -> Result<String, Error> {
        log::warn!("for {}", crate::execution_id());
        crate::publish(&json!({"done": 1}))?;
        crate::publish(&json!({"done": 2}))?;
        crate::respond("soon")?;
        crate::send("other-1", "go", &[1, 2])?;
        crate::secret("KEY")
    });
    assert_eq!(key.unwrap(), "k-1");
    let logged = &world.logged()[0];
    assert_eq!(
        (logged.level, logged.message.as_str()),
        (log::Level::Warn, "for order-7")
    );
    assert_eq!(world.published(), [json!({"done": 1}), json!({"done": 2})]);
    assert_eq!(world.response(), Some(json!("soon")));
    let sent = &world.sent()[0];
    assert_eq!((sent.to.as_str(), sent.name.as_str()), ("other-1", "go"));
    assert_eq!(sent.payload, json!([1, 2]));
}

#[test]
fn requests_are_answered_by_method_and_url() {
    let world = World::new()
        .http("post", "https://a.example/orders", |request| {
            let order: crate::Value = request.json();
            Ok(Reply::json(201, &json!({"id": order["id"]})).header("x-a", "1"))
        })
        .http("GET", "https://a.example/*", |request| {
            Ok(Reply::text(200, &request.url).body(vec![0xff, 0xfe]))
        });
    let (id, body) = world.run(|| {
        let made = http::post("https://a.example/orders")
            .query("dry", "1")
            .json(&json!({"id": 7}))
            .send()
            .unwrap();
        let got = http::get("https://a.example/picture").send().unwrap();
        (made.json::<crate::Value>().unwrap(), got.bytes())
    });
    assert_eq!((id, body), (json!({"id": 7}), vec![0xff, 0xfe]));
    assert_eq!(
        world.requests()[0].header("Content-Type"),
        Some("application/json")
    );
    assert_eq!(world.requests().len(), 2);
}

#[test]
fn undoing_parks_until_the_script_decides() {
    let world = World::new()
        .step("a.undo", |_| Err("stuck".into()))
        .decision(Decision::Done);
    let error = world.run(|| {
        crate::compensate(|undo| {
            undo.push(|| step::<()>("a.undo", ()));
            Err::<(), _>(Failure::new("no"))
        })
    });
    assert_eq!(error.unwrap_err().to_string(), "no");
    assert_eq!(world.steps().len(), 4);
    assert_eq!(world.parked().len(), 1);
}

#[test]
fn a_person_may_have_it_tried_again_or_take_it_as_failed() {
    let undone = |world: World| {
        let outcome = world.run(|| {
            crate::compensate(|undo| {
                undo.push(|| step::<()>("a.undo", ()));
                Err::<(), _>(Failure::new("no"))
            })
        });
        (outcome.unwrap_err().to_string(), world.steps().len())
    };
    let stuck = || World::new().step("a.undo", |_| Err("stuck".into()));
    let failed = Decision::Failed("gave up".into());
    let (error, tries) = undone(stuck().decision(Decision::Retry).decision(failed));
    assert_eq!((error.as_str(), tries), ("RuntimeError: gave up", 8));
    assert_eq!(undone(stuck().decision(Decision::Done)).1, 4);
}

#[test]
fn random_numbers_are_the_same_in_each_run() {
    let drawn = |world: World| world.run(|| (crate::rand::u64(), crate::rand::uuid()));
    assert_eq!(drawn(World::new()), drawn(World::new()));
    assert_ne!(drawn(World::new()), drawn(World::new().seed(1)));
}

#[test]
fn the_next_run_is_known_by_its_arguments() {
    let world = World::new();
    let error = world
        .run(|| crate::continue_as_new::<(), crate::Error>((1, "a")))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::ContinueAsNew);
    assert_eq!(world.next_run(), Some(vec![json!(1), json!("a")]));
    world.run(|| ());
    assert_eq!(world.next_run(), None);
}

#[test]
fn failures_that_nobody_looked_at_are_logged() {
    let world = World::new().step("a.b", |_| Err("no".into()));
    world.run(|| drop(step::start::<()>("a.b", ())));
    assert_eq!(
        world.logged()[0].message,
        "step a.b failed, and nobody has looked at its outcome: RuntimeError: no"
    );
    assert_eq!(
        world.steps(),
        [Call {
            name: "a.b".into(),
            args: vec![]
        }]
    );
}

#[test]
fn what_the_script_does_not_have_is_said() {
    for (run, message) in [
        (
            (|| drop(step::<()>("a.b", ()))) as fn(),
            r#"the workflow runs the step "a.b", and the world does not have it: say with World::step what it returns"#,
        ),
        (
            || drop(crate::start::<()>("a.c", ())),
            r#"the workflow starts the child "a.c", and the world does not have it: say with World::child what it returns"#,
        ),
        (
            || drop(http::get("https://a.example/").send()),
            "the workflow requests GET https://a.example/, and nobody answers it: say with World::http what comes back",
        ),
        (
            || drop(receive::<u8>("confirm")),
            "the workflow waits for a message confirm, for ever: send one with World::message, or let it wait with a timeout",
        ),
        (
            || World::new().run(|| ()),
            "a world runs one workflow at a time: say with World::child what a child returns",
        ),
    ] {
        assert_eq!(said(|| World::new().run(run)), message);
        assert!(crate::execution_id().is_empty(), "the world was left");
    }
}
