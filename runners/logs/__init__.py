"""Scans the log of a job in one pass of bounded memory: failure patterns, images, rate limits, the lines that matter."""
