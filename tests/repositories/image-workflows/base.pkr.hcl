source "amazon-ebs" "base" {
  ami_name      = "base-{{timestamp}}"
  instance_type = "t3.medium"
  run_tags      = { GITHUB_RUN_ID = "${env("GITHUB_RUN_ID")}" }
}
