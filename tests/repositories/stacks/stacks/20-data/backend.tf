terraform {
  backend "s3" {
    key = "20-data.tfstate"
  }
}
