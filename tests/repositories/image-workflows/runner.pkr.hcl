source "amazon-ebs" "runner" {
  ami_name      = "runner-{{timestamp}}"
  instance_type = "t3.medium"
  run_tags      = { GITHUB_RUN_ID = "${env("GITHUB_RUN_ID")}" }
}
