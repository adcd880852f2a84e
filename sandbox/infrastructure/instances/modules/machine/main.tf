# One machine. Another image means another machine: the old one goes, a new one is started from the image.

variable "environment" {
  description = "dev, staging or prod"
  type        = string
}

variable "machine" {
  description = "backend, cron, taskrunner or sftp"
  type        = string
}

variable "image_id" {
  description = "The AMI it is started from"
  type        = string

  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.image_id))
    error_message = "An image id looks like ami-0123456789abcdef0."
  }
}

variable "instance_type" {
  type = string
}

variable "ready_when" {
  description = "Command that must succeed before a new machine counts as up"
  type        = string
}

resource "terraform_data" "server" {
  triggers_replace = var.image_id

  input = {
    name          = "${var.environment}-${var.machine}"
    type          = "${var.environment} ${var.machine}"
    image_id      = var.image_id
    instance_type = var.instance_type
  }

  provisioner "local-exec" {
    command = var.ready_when
  }
}

output "image_id" {
  value = var.image_id
}
