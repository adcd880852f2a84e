"""Logs on request: of operations and runs, an instance's console, a daemon's journal."""
