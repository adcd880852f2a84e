"""/infra: topics that only read."""
