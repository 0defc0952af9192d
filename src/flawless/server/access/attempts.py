"""Attempts to guess a token: by the login form or with requests, they have one rate together."""

from __future__ import annotations

from collections import OrderedDict

from flawless.engine.clock import Clock
from flawless.server.access.keys import fingerprint
from flawless.server.access.limits import RequestLimits
from flawless.server.access.rates import Rates, network


class Attempts:
    """Counts wrong tokens by the network they came from.

    The same wrong token again is no new guess: a program whose token was revoked asks on and on,
    and must not keep out all others at its address.
    """

    def __init__(self, limits: RequestLimits, clock: Clock) -> None:
        self._rates = Rates(
            clock,
            per_s=limits.logins_per_minute / 60,
            burst=limits.logins_per_minute,
            names_max=limits.callers_max,
        )
        self._wrong: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._wrong_max = limits.callers_max

    def wait_s(self, address: str) -> float:
        """Return the seconds until a token from there may be looked at; 0 if it may be now."""
        return self._rates.wait_s(network(address))

    def take(self, address: str) -> float:
        """Count an attempt, or return the seconds until there may be one."""
        return self._rates.take(network(address))

    def refused(self, address: str, token: str) -> float:
        """Count a token that was wrong, or return the seconds until there may be another one."""
        key = network(address), fingerprint(token)
        if key in self._wrong:
            self._wrong.move_to_end(key)
            return 0.0
        wait_s = self._rates.take(key[0])
        if not wait_s:
            self._wrong[key] = None
            if len(self._wrong) > self._wrong_max:
                self._wrong.popitem(last=False)
        return wait_s
