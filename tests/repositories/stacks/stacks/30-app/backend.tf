terraform {
  backend "s3" {
    key = "30-app.tfstate"
  }
}
