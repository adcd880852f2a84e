"""The parts of /plan: Terraform here or in HCP Terraform, images, locks, drift."""
