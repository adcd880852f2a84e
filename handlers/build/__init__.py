"""Image builds: the parts of /build, and what comes out of it."""
