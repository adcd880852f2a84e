"""What Signalbox keeps in its database, one file for each group of tables."""
