"""The Debug Adapter Protocol, by which editors drive a `Debugger`.

`messages` reads and writes what goes over a stream, `session` is the loop that answers, `handlers`
says what each request does, `shapes` turns frames and values into the protocol's objects, `paths`
knows where an editor has the sources, and `serving` opens the streams.
"""
