"""`python -m bot init`: reads a clone of a repository and writes a signalbox.yaml to begin with."""
