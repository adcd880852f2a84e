resource "terraform_data" "data" {
  input = "data"
}
