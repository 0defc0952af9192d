"""From a Rust crate to a component: the toolchain of this machine, cargo, and what they say.

`build.build` does it all. Nothing is imported here, because the commands of the command line want
`failures`, and none of what building takes.
"""
