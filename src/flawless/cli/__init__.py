"""The `flawless` command: one module for each group of commands."""
