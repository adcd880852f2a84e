variable "password" {
  default   = "another-horse-battery"
  sensitive = true
}

resource "terraform_data" "database" { input = { password = var.password, size = "small" } }
resource "terraform_data" "copy" { input = "postgres://app:${nonsensitive(var.password)}@db" }
