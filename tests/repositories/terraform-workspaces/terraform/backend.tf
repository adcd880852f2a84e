terraform {
  required_version = ">= 1.5"

  backend "s3" {
    bucket               = "mossbank-terraform"
    key                  = "infra.tfstate"
    region               = "eu-west-1"
    workspace_key_prefix = "workspaces"
    use_lockfile         = true
  }
}
