"""Packer's builders: discovery, the jobs that they belong to, termination, orphaned resources, prices."""
