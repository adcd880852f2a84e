"""What Signalbox stores in its database: a file for each group of tables."""
