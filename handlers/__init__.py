"""One file per command: its parser, its durable workflow, its replies."""
