include "root" {
  path = find_in_parent_folders("root.hcl")
}

terraform {
  source = "${get_repo_root()}/modules//app"
}

dependency "vpc" {
  config_path  = "../vpc"
  mock_outputs = { vpc_id = "vpc-00000000" }
}

inputs = {
  vpc_id = dependency.vpc.outputs.vpc_id
}
