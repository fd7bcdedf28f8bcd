"""Tests and commands for testing: docs/testing.md begins with a map."""
