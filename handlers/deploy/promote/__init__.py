"""Promotion: merging one branch into the next by pull request before a deploy."""
