"""Workflows that fail, park and are repaired; for the engine's tests."""
