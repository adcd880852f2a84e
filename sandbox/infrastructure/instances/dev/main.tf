terraform {
  required_version = ">= 1.5"

  # Where the state lies is given at init: -backend-config=path=<file>
  backend "local" {}
}

variable "images" {
  description = "The image that each machine runs"
  type        = map(string)
}

variable "backend_ami" {
  description = "An image for the backend instead of the one in images"
  type        = string
  default     = null
}

variable "session_key_generation" {
  description = "Counted up to renew the key that sessions are signed with"
  type        = number
}

variable "database_password" {
  type      = string
  sensitive = true
  default   = "dev-password-of-the-sandbox"
}

variable "ready_when" {
  description = "Command that must succeed before a new machine counts as up"
  type        = string
  default     = "true"
}

locals {
  environment   = "dev"
  instance_type = { backend = "t3.medium", cron = "t3.small", taskrunner = "t3.medium", sftp = "t3.small" }
  images        = merge(var.images, var.backend_ami == null ? {} : { backend = var.backend_ami })
}

module "machine" {
  source   = "../modules/machine"
  for_each = local.images

  environment   = local.environment
  machine       = each.key
  image_id      = each.value
  instance_type = local.instance_type[each.key]
  ready_when    = var.ready_when
}

resource "terraform_data" "session_key" {
  input = {
    generation = var.session_key_generation
    value      = sha256("${var.database_password}/${var.session_key_generation}")
  }
}

output "images" {
  value = { for name, machine in module.machine : name => machine.image_id }
}

output "database_url" {
  value     = "mysql://${local.environment}:${var.database_password}@database.${local.environment}.internal/permanent"
  sensitive = true
}
