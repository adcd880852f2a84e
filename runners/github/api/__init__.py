"""GitHub's API: the client, its credentials and its errors."""
