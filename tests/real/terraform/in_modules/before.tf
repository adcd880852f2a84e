module "network" { source = "./network" }
