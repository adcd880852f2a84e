"""Secrets: where they are, how old they are and who uses them; keys that are rotated, and values that people set."""
