"""Packer's builders: found, joined to the jobs that they belong to, and cleaned away."""
