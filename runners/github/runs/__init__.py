"""GitHub Actions: dispatching workflows, watching runs, reading their logs."""
