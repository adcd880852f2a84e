"""Old images: which may go, and their removal."""
