"""Workflows with children; for the engine's tests."""
