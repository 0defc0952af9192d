"""How often somebody asks: a bucket of permits for each caller, which time fills up again."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from flawless.engine.clock import Clock

_US: Final = 1_000_000
_NETWORK_BITS: Final = 64
"""Whoever has an IPv6 address has a network of so many bits, and all addresses in it."""


@dataclass(slots=True)
class _Bucket:
    permits: float
    at_us: int


class Rates:
    """Lets each name take `burst` permits at once and `per_s` a second in the long run.

    At most `names_max` buckets are kept: a new name takes the place of the one that has been silent
    for longest, which then begins with a full bucket again. So memory is bounded, at the price that
    somebody with more addresses than that is not held up here.
    """

    def __init__(self, clock: Clock, *, per_s: float, burst: float, names_max: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._names_max = names_max
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str) -> float:
        """Take a permit and return 0; if there is none, return the seconds until there is one."""
        now_us = self._clock.now_us()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, now_us)
            if len(self._buckets) > self._names_max:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        # A clock that was set back gives nothing, and starts over from where it is.
        passed_s = max(0, now_us - bucket.at_us) / _US
        bucket.at_us = now_us
        bucket.permits = min(self._burst, bucket.permits + passed_s * self._per_s)
        if bucket.permits < 1:
            return (1 - bucket.permits) / self._per_s
        bucket.permits -= 1
        return 0.0

    def wait_s(self, name: str) -> float:
        """Return the seconds until there is a permit, and take none."""
        bucket = self._buckets.get(name)
        if bucket is None:
            return 0.0
        passed_s = max(0, self._clock.now_us() - bucket.at_us) / _US
        return max(0.0, (1 - bucket.permits) / self._per_s - passed_s)


def network(address: str) -> str:
    """Return what stands for an address where addresses are counted: IPv6 counts by network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4 or found.is_loopback or found.ipv4_mapped is not None:
        return address
    return str(ipaddress.ip_network((int(found) >> _NETWORK_BITS << _NETWORK_BITS, _NETWORK_BITS)))
