resource "terraform_data" "subnet" {
  for_each = toset(["a", "b"])
  input    = each.key
}
