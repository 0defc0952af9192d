"""Tests of `flawless.core`: pure, without I/O."""
