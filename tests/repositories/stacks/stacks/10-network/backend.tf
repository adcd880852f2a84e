terraform {
  backend "s3" {
    key = "10-network.tfstate"
  }
}
