"""YAML, and the one function that reads it."""
