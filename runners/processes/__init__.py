"""Child processes: how they are started, supervised and cleaned up after."""
