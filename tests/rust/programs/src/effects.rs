//! Each effect as Rust workflows ask for it. `tests/guest/test_guest_in_rust.py` has the same
//! workflows in Python, and compares the requests byte for byte.

use std::time::Duration;

use flawless::{
    Error, Failure, Kind, ParentClose, Result, as_completed, child, compensate, continue_as_new,
    gather, gather_all, gather2, gather3, http, log, publish, rand, receive, respond, secret,
    select, send, sleep, start, step, workflow,
};
use flawless::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

/// Calls steps, started ones and others.
#[workflow]
pub fn steps() -> Result<Value> {
    let first: Value = step("app.charge", (1, "two", 3.5))?;
    let started = step::start::<Value>("app.charge", ())?;
    let never_joined = step::start::<Value>("app.charge", (json!({"a": [null, true]}),))?;
    drop(never_joined);
    Ok(json!([first, started.join()?]))
}

/// Sends requests without a body.
#[workflow]
pub fn requests() -> Result<u16> {
    let first = http::get("https://shop.example/a?x=1#part")
        .query("q", "ä &~/")
        .query("n", 3)
        .header("X-A", 1)
        .timeout(Duration::from_millis(2500))
        .send()?;
    http::head("https://shop.example/").send()?;
    http::options("https://shop.example/").redirects(0).send()?;
    http::delete("https://shop.example/")
        .max_bytes(100)
        .send()?;
    http::request("propfind", "https://shop.example/")
        .idempotent()
        .send()?;
    let started = http::get("https://shop.example/started").start()?;
    Ok(first.status() + started.join()?.status())
}

/// Sends bodies of each kind.
#[workflow]
pub fn bodies() -> Result<Value> {
    let url = "https://shop.example/in";
    let value =
        json!({"a": 1.5, "b": "äö\u{1f600}\u{7f}\n\"", "c": null, "d": [1, 1e16, 1e-5, -0.0]});
    http::post(url).json(&value).park().send()?;
    http::put(url).form(&[("a b", "ü&"), ("c", "")]).send()?;
    http::patch(url).body("text ü").send()?;
    http::post(url).body(b"\x00\xff").send()?;
    let answer = http::post(url)
        .header("content-type", "text/csv")
        .body(String::from("a,b"))
        .idempotent()
        .send()?;
    answer.error_for_status()?.json().map_err(Failure::from)
}

/// Tells what it was answered.
#[workflow]
pub fn answer() -> Result<Value> {
    let page = http::get("https://shop.example/page").send()?;
    Ok(json!([
        page.ok(),
        page.url(),
        page.header("X-Many"),
        page.headers().len(),
        page.text(),
        page.bytes().len(),
    ]))
}

/// Sleeps.
#[workflow]
pub fn sleeps() -> Result<()> {
    sleep(Duration::from_millis(100))?;
    sleep(2 * 86_400 * SECOND)?;
    sleep(Duration::from_micros(4_350_001))?;
    let one = sleep::start(SECOND)?;
    let two = sleep::start(Duration::from_millis(1500))?;
    one.join()?;
    let three = sleep::start(2 * SECOND)?;
    three.drop();
    drop(two);
    Ok(())
}

/// Receives messages in each way.
#[workflow]
pub fn receives() -> Result<Value> {
    let first: String = receive("first")?;
    let none = receive::timeout::<String>("none", 5 * SECOND)?;
    let second = receive::start::<u32>("second")?;
    let given_up = receive::start::<u32>("never")?;
    given_up.drop();
    let any = receive::message(&[], Some(10 * SECOND))?.ok_or(Failure::new("nothing came"))?;
    let either = receive::message(&["third", "fourth"], None)?.ok_or(Failure::new("nothing"))?;
    let payload: Value = either.payload()?;
    let _left = receive::start::<u32>("left")?;
    Ok(json!([
        first,
        none,
        second.join()?,
        any.name,
        any.id,
        either.name,
        payload
    ]))
}

/// Sends messages.
#[workflow]
pub fn sends() -> Result<String> {
    send("other", "note", &json!({"text": "ü"}))?;
    let started = send::start("other", "note", "two")?;
    started.join()?;
    match send("nobody", "note", &1) {
        Err(error) if error.kind() == Kind::ExecutionNotFound => Ok(error.message().into()),
        other => other.map(|()| "sent".into()).map_err(Failure::from),
    }
}

/// Shows its state, answers, and asks for a secret.
#[workflow]
pub fn shows() -> Result<Value> {
    publish(&json!({"at": 1}))?;
    respond("accepted")?;
    let again = respond("again")
        .err()
        .map(|error| error.message().to_string());
    let hidden = secret("BANK_KEY")?;
    Ok(json!([hidden, again]))
}

/// Starts children, with and without options.
#[workflow]
pub fn children() -> Result<Value> {
    let one = start::<Value>("app.ship", (1,))?;
    let two = child("app.ship")
        .id("two")
        .parent_close(ParentClose::Cancel)
        .deadline(90 * SECOND)
        .start::<Value>(("tea",))?;
    let left = child("app.ship")
        .parent_close(ParentClose::Abandon)
        .start::<Value>(())?;
    two.send("note", &1)?;
    let cancelled = two.cancel("no need")?;
    let again = left.cancel("")?;
    let ended = one.join()?;
    let (kind, reason) = match two.join() {
        Err(error) => (
            error.type_name().to_string(),
            error.field("reason").cloned(),
        ),
        Ok(_) => (String::new(), None),
    };
    Ok(json!([ended, cancelled, again, kind, reason]))
}

/// Gathers in each way; what fails first ends it.
#[workflow]
pub fn gathers() -> Result<Value> {
    let naps = [3, 1, 2].map(|length| sleep::start(length * SECOND));
    let done = gather(
        naps.into_iter()
            .collect::<std::result::Result<Vec<_>, _>>()?,
    )?
    .len();
    let (a, b) = gather2(
        step::start::<Value>("app.charge", (1,))?,
        sleep::start(SECOND)?,
    )?;
    let (c, (), d) = gather3(
        step::start::<Value>("app.charge", (2,))?,
        sleep::start(SECOND)?,
        start::<Value>("app.ship", (3,))?,
    )?;
    let mixed = gather_all([
        step::start::<Value>("app.charge", (4,))?,
        step::start::<Value>("app.declined", ())?,
    ])?;
    let failed = gather([
        step::start::<Value>("app.declined", ())?,
        step::start::<Value>("app.charge", (5,))?,
    ]);
    let shown = failed.err().map(|error| error.to_string());
    Ok(json!([
        done,
        a,
        b,
        c,
        d,
        mixed.iter().filter(|one| one.is_ok()).count(),
        shown
    ]))
}

/// Chooses between futures.
#[workflow]
pub fn selects() -> Result<Value> {
    let message = receive::start::<String>("go")?;
    let late = sleep::start(3 * SECOND)?;
    let first = select((&message, &late), None)?;
    let done = select(&[&late], Some(SECOND))?;
    let never = select(&[message], Some(SECOND))?;
    Ok(json!([first, done, never]))
}

/// Takes futures as they complete, for a while.
#[workflow]
pub fn completes() -> Result<Value> {
    let naps = [3, 1, 2, 50].map(|length| sleep::start(length * SECOND));
    let naps = naps
        .into_iter()
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let mut order = Vec::new();
    let mut late = None;
    for completed in as_completed(naps).timeout(10 * SECOND)? {
        match completed {
            Ok((place, nap)) => {
                nap.join()?;
                order.push(place);
            }
            Err(error) => late = Some(error.type_name().to_string()),
        }
    }
    Ok(json!([order, late]))
}

/// Joins for a while.
#[workflow]
pub fn joins_for_a_while() -> Result<bool> {
    let nap = sleep::start(5 * SECOND)?;
    let in_time = nap.join_timeout(SECOND)?.is_some();
    nap.join()?;
    Ok(in_time)
}

/// Begins a next run, with a step and a timer under way.
#[workflow]
pub fn continues(n: u32, _note: Option<String>) -> Result<u32> {
    if n >= 3 {
        return Ok(n);
    }
    let _step = step::start::<Value>("app.charge", (n,))?;
    let _timer = sleep::start(100 * SECOND)?;
    continue_as_new((n + 1, "ü"))
}

/// Cannot begin a next run with these arguments.
#[workflow]
pub fn continues_wrongly(n: u32) -> Value {
    let text = continue_as_new::<(), Error>(("one",))
        .err()
        .map(|error| error.to_string());
    let more = continue_as_new::<(), Error>((n, n))
        .err()
        .map(|error| error.to_string());
    let none = continue_as_new::<(), Error>(())
        .err()
        .map(|error| error.to_string());
    json!([text, more, none])
}

/// Is cancelled where it sleeps, or receives, or gathers.
#[workflow]
pub fn is_cancelled(wherever: String) -> Result<Value> {
    match wherever.as_str() {
        "sleep" => sleep(100 * SECOND)?,
        "receive" => receive("never")?,
        "timeout" => return Ok(json!(receive::timeout::<u8>("never", 100 * SECOND)?)),
        "gather" => drop(gather([
            sleep::start(100 * SECOND)?,
            sleep::start(200 * SECOND)?,
        ])?),
        "select" => drop(select(&[sleep::start(100 * SECOND)?], Some(50 * SECOND))?),
        "step" => return Ok(start::<Value>("app.slow", ())?.join()?),
        _ => return Err(Failure::new("where?")),
    }
    Ok(Value::Null)
}

/// Is cancelled, cleans up, and ends well.
#[workflow]
pub fn cleans_up() -> Result<String> {
    match sleep(100 * SECOND) {
        Err(error) if error.kind() == Kind::Cancelled => {
            sleep(SECOND)?;
            step::<Value>("app.charge", ("back",))?;
            Ok(error.message().into())
        }
        other => other.map(|()| "slept".into()).map_err(Failure::from),
    }
}

/// Is cancelled while it waits for a child at its end.
#[workflow]
pub fn cancelled_at_the_end(fails: bool) -> Result<()> {
    let _child = start::<Value>("app.slow", ())?;
    if fails {
        return Err(Failure::new("too late"));
    }
    Ok(())
}

/// Leaves failures that nobody sees.
#[workflow]
pub fn leaves_failures() -> Result<()> {
    let _step = step::start::<Value>("app.declined", ())?;
    let _child = child("app.declined").id("kid").start::<Value>(())?;
    let _page = http::get("https://shop.example/down").start()?;
    let seen = step::start::<Value>("app.declined", ())?;
    seen.join().ok();
    sleep(SECOND)?;
    Ok(())
}

fn charge(undo: &mut flawless::Undo<'_>, number: u32) -> Result<()> {
    step::<Value>("app.book", (number,))?;
    undo.push(move || step::<Value>("app.charge", (number,)));
    Ok(())
}

/// Undoes what it did: fails by itself, waits to be cancelled, or goes on as new.
#[workflow]
pub fn saga(how: String) -> Result<u32> {
    compensate(|undo| {
        for number in 0..3 {
            charge(undo, number)?;
        }
        match how.as_str() {
            "fail" => Err(Failure::new("out of stock")),
            "wait" => sleep(100 * SECOND).map(|()| 1).map_err(Failure::from),
            "again" => continue_as_new(("done",)),
            "clear" => {
                undo.clear();
                Err(Failure::new("it is to stay"))
            }
            _ => Ok(7),
        }
    })
}

/// Undoes with something that is no step.
#[workflow]
pub fn saga_of_functions() -> Result<()> {
    compensate(|undo| {
        undo.push(|| Err::<(), _>(Failure::new("it cannot be undone")));
        undo.push(|| -> Result<()> { Ok(sleep(SECOND)?) });
        Err(Failure::new("out of stock"))
    })
}

/// Logs at each level.
#[workflow]
pub fn logs() {
    log::error!("one");
    log::warn!(target: "shop", "two {}", 2);
    log::info!("three");
    log::debug!("not shown");
    log::set_max_level(log::LevelFilter::Trace);
    log::debug!("four");
    log::trace!("five");
    print!("no line's end");
}

/// Draws random numbers, and names its effects.
#[workflow]
pub fn draws() -> Result<Value> {
    let key = flawless::idempotency_key();
    step::<Value>("app.charge", (&key,))?;
    Ok(json!([
        key,
        flawless::idempotency_key(),
        flawless::execution_id(),
        flawless::run(),
        rand::u64().to_string(),
        rand::f64(),
        rand::range(1..=6),
        rand::bytes(3),
        rand::uuid(),
    ]))
}

/// Does not look at what a step and a child return, and does not mind an interruption.
#[workflow]
pub fn does_not_care() -> Result<String> {
    step::<()>("app.charge", (1,))?;
    start::<()>("app.ship", (2,))?.join()?;
    match http::post("https://shop.example/interrupted").send() {
        Err(error) if error.kind() == Kind::Interrupted => Ok(error.message().into()),
        other => Ok(other?.text()),
    }
}

/// Sends its own idempotency key along with that of the engine.
#[workflow]
pub fn keyed(url: String) -> Result<Value> {
    let key = flawless::idempotency_key();
    let sent = http::put(&url).json(&json!({"key": key})).send()?;
    let in_step: String = step("app.key", ())?;
    Ok(json!([key, sent.json::<Value>()?, in_step]))
}

/// Waits until it is told to go on; shows where it stands meanwhile.
#[workflow]
pub fn talks() -> Result<String> {
    publish("waiting")?;
    respond(&json!({"accepted": true}))?;
    let name: String = receive("name")?;
    publish(&json!({"name": name}))?;
    log::warn!("hello {name}");
    println!("printed");
    Ok(format!("hello {name}"))
}

/// Counts to a number, each time in a run of its own.
#[workflow]
pub fn counts(n: u32) -> Result<Value> {
    if n == 3 {
        return Ok(json!([n, flawless::run(), flawless::idempotency_key()]));
    }
    continue_as_new((n + 1,))
}

/// Starts children of its own module and of others, and tells what became of them.
#[workflow]
pub fn parent() -> Result<Value> {
    let one = counts::start(2)?;
    let failing = crate::endings::panics_below::start()?;
    let waiting = child("programs.effects.talks")
        .id("talker")
        .start::<String>(())?;
    waiting.send("name", "Ann")?;
    let failed = failing.join().map_err(|error| {
        json!([
            error.kind() == Kind::ExecutionFailed,
            error.field("type"),
            error.field("message")
        ])
    });
    let none = start::<Value>("nothing.there", ())?
        .join()
        .err()
        .map(|error| error.kind());
    Ok(json!([
        one.join()?,
        failed.err(),
        waiting.join()?,
        none == Some(Kind::Usage)
    ]))
}

/// Cannot reach anybody.
#[workflow]
pub fn unreached(url: String) -> Value {
    let refused = http::get(&url).send().err().map(|error| error.kind());
    let odd = http::get("nowhere").send().err().map(|error| error.kind());
    let nobody = send("nobody", "note", &1).err().map(|error| error.kind());
    let twice = http::get(&url)
        .body("a")
        .json(&1)
        .send()
        .err()
        .map(|error| error.kind());
    let name = receive::<Value>(":odd").err().map(|error| error.kind());
    let long = sleep(Duration::MAX).err().map(|error| error.kind());
    let shown = [refused, odd, nobody, twice, name, long];
    json!(shown.map(|kind| format!("{kind:?}")))
}
