"""Long children of a bot whose database is PostgreSQL: a keeper for each, and followers on any machine."""
