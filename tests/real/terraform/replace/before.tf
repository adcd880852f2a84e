variable "image" { default = "ami-1" }

resource "terraform_data" "server" {
  triggers_replace = { image = var.image, zone = "a" }
}

resource "terraform_data" "balancer" {
  triggers_replace = var.image
  lifecycle { create_before_destroy = true }
}

resource "terraform_data" "alarm" {
  lifecycle { replace_triggered_by = [terraform_data.server] }
}
