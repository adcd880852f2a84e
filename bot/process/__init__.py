"""The bot's own process: its initial environment, its protection from other programs of its user, its private files."""
