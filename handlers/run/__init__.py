"""Custom operations: /run, its window, and the workflow that runs one."""
