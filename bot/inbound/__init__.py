"""What comes in: Slack's requests and the webhooks of GitHub and HCP Terraform."""
