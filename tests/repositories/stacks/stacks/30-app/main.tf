resource "terraform_data" "app" {
  input = "app"
}

variable "release" {
  type = string
}

resource "terraform_data" "release" {
  input = var.release
}
