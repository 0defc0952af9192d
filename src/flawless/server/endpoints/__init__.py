"""The endpoints of the HTTP API, and how what the engine keeps is shown there."""
