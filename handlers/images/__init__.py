"""Old images: which can be deleted, and their removal."""
