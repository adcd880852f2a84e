resource "terraform_data" "kept" {}
resource "terraform_data" "fewer" { count = 1 }
