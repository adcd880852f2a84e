variable "vpc_id" {
  type = string
}

resource "terraform_data" "app" {
  input = var.vpc_id
}
