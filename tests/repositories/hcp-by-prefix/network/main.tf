resource "terraform_data" "subnet" {
  for_each = toset(["a", "b"])
  input    = "10.0.${each.key == "a" ? 0 : 1}.0/24"
}
