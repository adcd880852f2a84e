"""Buttons that every operation has: approve, reject, cancel."""
