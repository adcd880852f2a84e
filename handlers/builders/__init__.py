"""Packer's builders: found, told, held, ended."""
