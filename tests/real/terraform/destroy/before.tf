resource "terraform_data" "kept" {}
resource "terraform_data" "gone" { input = "old" }
resource "terraform_data" "fewer" { count = 3 }
