"""Deploys by Ansible: inventory, host keys, playbooks, daemons."""
