"""Packer's builders: detected, reported, claimed, terminated."""
