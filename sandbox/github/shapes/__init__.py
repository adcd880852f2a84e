"""The shapes of GitHub's answers and webhook payloads."""
