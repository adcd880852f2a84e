resource "terraform_data" "server" {}
output "region" { value = "us-west-1" }
output "gone" { value = "x" }
