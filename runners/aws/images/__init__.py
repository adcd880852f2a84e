"""Machine images: which are in use, which can be deleted, and their removal."""
