"""`python -m flawless.cli`: the command line without its script."""

from flawless.cli.main import main

main()
