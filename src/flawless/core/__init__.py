"""The pure heart: what a journal is, and what an execution may do next.

Nothing here reads a clock, draws a random number, waits, or touches a file: the caller hands in
`now_us` and gets decisions back. A test keeps it so.
"""
