resource "terraform_data" "server" {
  input = { size = "small", zone = "a", rules = jsonencode({ ports = [22, 443], open = false }) }
}
