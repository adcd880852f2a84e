resource "terraform_data" "network" {
  input = "network"
}
