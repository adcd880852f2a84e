module "network" {
  count  = 2
  source = "./network"
}

moved {
  from = module.network
  to   = module.network[0]
}
