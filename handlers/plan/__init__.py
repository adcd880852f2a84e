"""/plan: plans and applies by Terraform on this machine or in HCP Terraform; images, state locks, drift checks."""
