"""Recordings that are looked at again and again, by the web UI and over HTTP."""
