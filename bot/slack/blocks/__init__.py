"""Pure rendering: results in, Slack messages out. Every limit of Slack and all escaping are enforced in `kit`."""
