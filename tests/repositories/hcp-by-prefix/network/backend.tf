terraform {
  backend "remote" {
    hostname     = "app.terraform.io"
    organization = "quarrystone"

    workspaces {
      prefix = "network-"
    }
  }
}
