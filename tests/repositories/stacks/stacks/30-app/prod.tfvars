release = "2026.11.1"
