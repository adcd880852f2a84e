"""Machine images: usage, retention, removal, orphaned storage."""
