"""The life of operations, and what a feature registers."""
