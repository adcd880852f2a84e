"""Ansible, for what runs playbooks: hosts and their keys, the playbook of a machine, the roll-out and its messages."""
