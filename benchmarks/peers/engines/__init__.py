"""One module for each engine: how it is set up, and how work is given to it."""
