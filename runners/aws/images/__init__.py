"""Machine images: which are in use, which may go, and their removal."""
