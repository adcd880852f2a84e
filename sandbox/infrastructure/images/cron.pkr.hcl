packer {
  required_plugins {
    amazon  = { source = "github.com/hashicorp/amazon", version = "~> 1" }
    ansible = { source = "github.com/hashicorp/ansible", version = "~> 1" }
  }
}

variable "environment" {
  type = string
}

locals {
  built_at = regex_replace(timestamp(), "[^0-9]", "")
  hostname = "cron-${var.environment}"
}

source "amazon-ebs" "cron" {
  ami_name      = "${local.hostname}-${local.built_at}"
  instance_type = "t3.medium"
  region        = "us-west-2"
  ssh_username  = "ubuntu"
  run_tags      = { Name = "Packer Builder" }
  tags          = { Name = local.hostname, built_by = "packer", environment = var.environment }

  source_ami_filter {
    owners      = ["099720109477"]
    most_recent = true
    filters     = { name = "ubuntu/images/*ubuntu-noble-24.04-amd64-server-*" }
  }
}

build {
  sources = ["source.amazon-ebs.cron"]

  provisioner "ansible" {
    playbook_file = "provisioners/image.yml"
  }
}
