"""The durable engine."""
