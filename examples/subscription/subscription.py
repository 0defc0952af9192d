"""A subscription that is billed every month, for as long as the customer likes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flawless import continue_as_new, http, messages, publish, workflow

BILLS_OF_A_RUN = 12
"""After a year the next run begins, with an empty journal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the customer gets, and for how much a month."""

    name: str
    cents: int


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The customer would like another plan, from the next bill on."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Cancel:
    """The customer has had enough."""

    reason: str


@dataclass
class Account:
    """All that there is to know: what one run hands to the next."""

    customer: str
    plan: Plan
    since: datetime
    bills: int = 0
    paid_cents: int = 0


def due(account: Account) -> datetime:
    """Return when the next bill is due: the same day of each month, the 28th at the latest."""
    years, month = divmod(account.since.month - 1 + account.bills, 12)
    day = min(account.since.day, 28)
    return account.since.replace(year=account.since.year + years, month=month + 1, day=day)


def charge(bank: str, account: Account) -> None:
    """Take the money for a month. The bank knows a repeated request by its key."""
    bill = {"customer": account.customer, "number": account.bills + 1, "cents": account.plan.cents}
    http.post(f"{bank}/charge", json=bill, idempotent=True).raise_for_status()
    account.bills += 1
    account.paid_cents += account.plan.cents


def wishes(until: datetime) -> Iterator[ChangePlan | Cancel]:
    """Yield what the customer sends until then, as it comes."""
    while True:
        left = max(until - datetime.now(), timedelta())
        message = next(messages(ChangePlan, Cancel, timeout=left), None)
        if message is None:
            return
        yield message.payload


@workflow(messages=[ChangePlan, Cancel])
def subscription(bank: str, account: Account) -> Account:
    """Bill, wait for a month, and so on; the id stays the same through all runs."""
    for _ in range(BILLS_OF_A_RUN):
        charge(bank, account)
        publish(account)
        for wish in wishes(until=due(account)):
            match wish:
                case ChangePlan(plan):
                    account.plan = plan
                    publish(account)
                case Cancel():
                    return account
    return continue_as_new(bank, account)
