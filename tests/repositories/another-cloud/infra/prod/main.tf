terraform {
  backend "gcs" {
    prefix = "prod"
  }
}

resource "terraform_data" "cluster" {
  input = { nodes = 3, zone = "europe-west3-a" }
}
