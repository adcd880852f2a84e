"""The Slack side: the Web API's client, pacing, blocks, the app manifest."""
