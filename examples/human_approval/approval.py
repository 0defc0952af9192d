"""A decision by a person, who is reminded, and by their boss when they stay silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flawless import http, idempotency_key, publish, receive, step, workflow

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Expense:
    """What somebody would like to spend, and who decides about it."""

    by: str
    what: str
    cents: int
    approver: str
    boss: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The message that ends the waiting."""

    approved: bool
    by: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What a web page shows meanwhile."""

    stage: str
    waiting_for: str
    since: datetime
    reminders: int = 0


@step(retries=5)
def mail(post_office: str, to: str, text: str) -> None:
    """Send a mail. The post office knows a repeated one by its key."""
    letter = {"to": to, "text": text}
    headers = {"Idempotency-Key": idempotency_key()}
    http.post(f"{post_office}/mail", json=letter, headers=headers).raise_for_status()


def ask(post_office: str, expense: Expense, person: str, days: int) -> Decision | None:
    """Ask a person, and remind them every day; None when the days are over."""
    since = datetime.now()
    mail(post_office, person, f"{expense.by} would like {expense.what}. Is that all right?")
    for reminders in range(days):
        if reminders:
            mail(post_office, person, f"Reminder {reminders}: {expense.what} for {expense.by}")
        publish(Status("undecided", person, since, reminders))
        decision = receive(Decision, timeout=A_DAY)
        if decision is not None:
            return decision
    return None


@workflow(messages=[Decision])
def approval(post_office: str, expense: Expense) -> Decision:
    """Get a decision within five days: three for the approver, and two more for the boss."""
    decision = (
        ask(post_office, expense, expense.approver, days=3)
        or ask(post_office, expense, expense.boss, days=2)
        or Decision(approved=False, by="nobody", remark="all time is over")
    )
    answer = "approved" if decision.approved else "refused"
    publish(Status(answer, expense.by, datetime.now()))
    mail(post_office, expense.by, f"{expense.what}: {answer} by {decision.by}")
    return decision
