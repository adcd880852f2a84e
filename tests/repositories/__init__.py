"""Twelve made-up repositories in the styles of real teams, each with its signalbox.yaml: see docs/styles.md."""
