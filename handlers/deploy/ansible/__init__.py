"""Deploys by Ansible: inventory, playbooks, host keys, daemons."""
