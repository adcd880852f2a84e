terraform {
  backend "s3" {
    bucket = "tramway-dev-state"
    key    = "landing-zone.tfstate"
    region = "us-east-1"
  }
}

module "network" {
  source      = "../../modules/network"
  environment = "dev"
}
