variable "name" {
  type = string
}

resource "terraform_data" "server" {
  input = var.name
}

output "name" {
  value = terraform_data.server.output
}
