"""The parts of /deploy: what goes out, checks, promotion, GitHub Actions, Ansible, daemons."""
