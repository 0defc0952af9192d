//! An order as a saga: when one service fails, what the others did is undone.

use flawless::{Failure, Result, Value, compensate, http, json, publish, workflow};

/// What a customer wants.
#[flawless::value]
pub struct Order {
    /// Which of the customer's orders it is.
    pub number: u32,
    /// What is ordered.
    pub item: String,
    /// What it costs.
    pub cents: u32,
    /// Where it goes.
    pub city: String,
}

/// What the customer gets in the end.
#[flawless::value]
pub struct Receipt {
    /// What the bank calls the payment.
    pub payment: String,
    /// What the courier calls the parcel.
    pub parcel: String,
}

/// Asks a service to do something; returns its reference.
///
/// `idempotent` says that the service knows a repetition by its key. So if the engine dies before
/// the answer is recorded, the request is sent again, and is still carried out once.
fn ask(service: &str, details: &Value) -> Result<String> {
    let answer = http::post(service).json(details).idempotent().send()?;
    let said: Value = answer.json()?;
    if answer.status() == 409 {
        let reason = said["reason"].as_str().unwrap_or("refused");
        return Err(Failure::new(reason));
    }
    answer.error_for_status()?;
    Ok(said["reference"].as_str().unwrap_or_default().into())
}

/// Takes the money, sets the goods aside, sends them: all of it, or nothing.
#[workflow]
fn place(order: Order, shop: String) -> Result<Receipt> {
    let service = |name: &str| format!("{shop}/{name}");
    let receipt = compensate(|undo| {
        publish("paying")?;
        let details = json!({"order": order.number, "cents": order.cents});
        let payment = ask(&service("pay"), &details)?;
        let (refund, paid) = (service("refund"), json!({"payment": payment}));
        undo.push(move || ask(&refund, &paid));

        publish("looking for the goods")?;
        let details = json!({"order": order.number, "item": order.item});
        let reserved = ask(&service("reserve"), &details)?;
        let (release, reserved) = (service("release"), json!({"reserved": reserved}));
        undo.push(move || ask(&release, &reserved));

        publish("calling the courier")?;
        let details = json!({"order": order.number, "city": order.city});
        let parcel = ask(&service("ship"), &details)?;
        Ok(Receipt { payment, parcel })
    })?;
    publish("on its way")?;
    Ok(receipt)
}
