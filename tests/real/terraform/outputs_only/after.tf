resource "terraform_data" "server" {}
output "region" { value = "us-west-2" }
output "machines" { value = { backend = 2 } }
