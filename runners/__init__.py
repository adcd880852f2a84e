"""One file per engine of work; these know nothing of Slack, of the bot or of each other."""
