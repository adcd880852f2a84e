"""Who may do what, and which arguments are allowed."""
