"""Flawless beside the engines people would use instead, in one run: `python -m benchmarks.peers`.

Whatever of this package runs inside a peer's own environment uses the standard library only, and
what that peer brings: `drive`, `resident`, `blocks`, `peer`, `probes`, `sizes` and the engines.
"""
