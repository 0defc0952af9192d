"""How often a caller may ask, and what becomes of those who ask more often."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import expect
from guarded import API, Guarded, MovableClock, guarded

from flawless.server.access.limits import RequestLimits
from flawless.server.access.rates import Rates, network
from flawless.server.access.roles import Role

WHOAMI = f"{API}/whoami"
ROOT = "a-token-of-an-operator"


def test_a_bucket_empties_and_fills_with_time() -> None:
    """A burst is had at once; then as many as the rate gives, and never more than a burst."""
    clock = MovableClock()
    rates = Rates(clock, per_s=10, burst=3, names_max=10)
    assert [rates.take("ann") for _ in range(3)] == [0, 0, 0]
    assert rates.take("ann") == pytest.approx(0.1)
    assert rates.take("bob") == 0
    clock.move(0.1)
    assert rates.take("ann") == 0
    assert rates.take("ann") > 0
    clock.move(1_000)
    assert [rates.take("ann") for _ in range(3)] == [0, 0, 0]
    assert rates.take("ann") > 0


def test_a_clock_that_is_set_back_gives_nothing_and_stops_nobody() -> None:
    """Time that passes again is counted from where the clock is now."""
    clock = MovableClock()
    rates = Rates(clock, per_s=1, burst=1, names_max=10)
    assert rates.take("ann") == 0
    clock.move(-3_600)
    assert rates.take("ann") > 0
    clock.move(1)
    assert rates.take("ann") == 0


def test_memory_for_callers_is_bounded() -> None:
    """Of a flood of names only so many are kept, and who asked lately is not forgotten for it."""
    clock = MovableClock()
    rates = Rates(clock, per_s=1, burst=2, names_max=100)
    for n in range(10_000):
        rates.take(f"address {n}")
        if n % 50 == 0:
            rates.take("ann")
    assert len(rates) == 100
    assert rates.take("ann") > 0


def test_each_caller_has_a_rate_of_its_own(tmp_path: Path) -> None:
    """One token that asks too much hears when to come back; others, and strangers, go on."""
    limits = RequestLimits(requests_per_s=10, requests_burst=20)
    with guarded(tmp_path, limits=limits) as server:
        ann, bob = server.add("ann", Role.OPERATE), server.add("bob", Role.READ)
        server.start(ann, "own")
        browser = server.capability(ann, "own", ["state"])
        for _ in range(18):
            assert server.ask("GET", WHOAMI, token=ann).status_code == 200
        refused = server.ask("GET", WHOAMI, token=ann)
        expect(refused, 429, "too-many-requests")
        assert refused.headers["Retry-After"] == "1"
        assert server.ask("GET", WHOAMI, token=bob).status_code == 200
        assert server.ask("GET", WHOAMI, token=browser).status_code == 200
        assert server.ask("GET", "/healthz").status_code == 200
        server.clock.move(0.1)
        assert server.ask("GET", WHOAMI, token=ann).status_code == 200


def test_an_execution_may_be_called_as_a_token_is(tmp_path: Path) -> None:
    """Who holds a capability of the execution `ann` does not use up what the token `ann` has."""
    with guarded(tmp_path, limits=RequestLimits(requests_per_s=1, requests_burst=5)) as server:
        ann = server.add("ann", Role.OPERATE)
        server.start(ann, "ann")
        browser = server.capability(ann, "ann", ["state"])
        for _ in range(5):
            assert server.ask("GET", WHOAMI, token=browser).status_code == 200
        assert server.ask("GET", WHOAMI, token=browser).status_code == 429
        assert server.ask("GET", WHOAMI, token=ann).status_code == 200


def test_strangers_are_counted_by_address(tmp_path: Path) -> None:
    """Who guesses tokens is slowed down, from one address, whatever it shows."""
    limits = RequestLimits(strangers_per_s=1, strangers_burst=5)
    with guarded(tmp_path, limits=limits) as server:
        ann = server.add("ann", Role.READ)
        for n in range(5):
            guess = f"{ann[:-1]}{n}" if n % 2 else None
            assert server.ask("GET", WHOAMI, token=guess).status_code == 401
        assert server.ask("GET", WHOAMI, token="flt_guess").status_code == 429
        assert server.ask("GET", "/healthz").status_code == 429
        assert server.ask("GET", "/healthz", client=("192.0.2.7", 1)).status_code == 200
        assert server.ask("GET", WHOAMI, token=ann).status_code == 200


def _guess(server: Guarded, token: str, host: str = "192.0.2.1") -> int:
    """Ask with a token from an address; return the status."""
    return server.ask("GET", WHOAMI, token=token, client=(host, 1)).status_code


def test_guesses_share_one_rate_with_logins(tmp_path: Path) -> None:
    """Ten wrong tokens a minute, in a header or the form: then the right one is not told apart."""
    with guarded(tmp_path, token=ROOT) as server:
        ann = server.add("ann", Role.READ)
        assert _guess(server, ROOT) == 200
        assert [_guess(server, f"guess-{n}") for n in range(12)] == [401] * 10 + [429] * 2
        assert _guess(server, ROOT) == 429
        form = {"data": {"token": ROOT}, "headers": {"Sec-Fetch-Site": "same-origin"}}
        assert server.ask("POST", "/login", client=("192.0.2.1", 1), **form).status_code == 429
        assert _guess(server, ann) == 200  # nobody could have guessed that one
        assert _guess(server, ROOT, "192.0.2.2") == 200
        server.clock.move(6)
        assert _guess(server, ROOT) == 200
        assert [_guess(server, "guess-20"), _guess(server, "guess-21")] == [401, 429]


def test_logins_count_as_guesses_too(tmp_path: Path) -> None:
    """Whoever has tried ten in the form cannot go on with headers."""
    with guarded(tmp_path, token=ROOT) as server:
        for n in range(10):
            form = {"data": {"token": f"guess-{n}"}, "headers": {"Sec-Fetch-Site": "same-origin"}}
            response = server.ask("POST", "/login", client=("192.0.2.1", 1), **form)
            assert response.status_code == 401
        assert (_guess(server, "guess-10"), _guess(server, ROOT)) == (429, 429)


def test_a_program_with_an_old_token_keeps_nobody_out(tmp_path: Path) -> None:
    """The same wrong token again and again is one guess, and expired capabilities are none."""
    with guarded(tmp_path, token=ROOT) as server:
        assert {_guess(server, "the-token-of-yesterday") for _ in range(50)} == {401}
        assert {_guess(server, f"flc_{n}") for n in range(50)} == {401}
        assert _guess(server, ROOT) == 200


def test_addresses_of_one_network_are_one(tmp_path: Path) -> None:
    """Whoever has an IPv6 address has 2**64 of them."""
    with guarded(tmp_path, token=ROOT) as server:
        statuses = [_guess(server, f"guess-{n}", f"2001:db8::{n:x}:1") for n in range(11)]
        assert statuses == [401] * 10 + [429]
        assert _guess(server, "guess-12", "2001:db8:0:1::1") == 401


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1:2:3", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_what_addresses_are_counted_as(address: str, counted: str) -> None:
    """IPv6 by network, all else as it is."""
    assert network(address) == counted


def test_the_user_of_this_machine_has_no_rate(tmp_path: Path) -> None:
    """Where no token is wanted, nothing is gained by holding up the machine's own programs."""
    limits = RequestLimits(requests_per_s=1, requests_burst=1, strangers_burst=1)
    with guarded(tmp_path, limits=limits) as server:
        assert {server.ask("GET", WHOAMI).status_code for _ in range(50)} == {200}


@pytest.mark.parametrize("name", ["headers_max", "requests_per_s", "keep_alive_s"])
def test_a_limit_of_nothing_is_a_mistake(name: str) -> None:
    """No limit can be switched off by 0: that would read as the opposite of what it does."""
    with pytest.raises(ValueError, match=name):
        RequestLimits(**{name: 0})
