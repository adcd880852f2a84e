resource "terraform_data" "server" {
  input = { size = "small", zone = "a" }
}

resource "terraform_data" "disk" {
  for_each = toset(["logs", "data"])
  input    = each.key
}
