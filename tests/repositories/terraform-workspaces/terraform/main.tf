locals {
  name = "mossbank-${terraform.workspace}"
}

module "web" {
  source   = "./modules/web"
  for_each = toset([for number in range(var.instance_count) : tostring(number)])
  name     = "${local.name}-${each.key}"
}
