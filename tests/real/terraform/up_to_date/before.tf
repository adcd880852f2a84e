resource "terraform_data" "server" { input = "small" }
