"""Executions as files: written, read, and kept once they were imported."""
