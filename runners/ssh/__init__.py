"""SSH to the machines: host keys, and scripts run on them by the ssh program."""
