resource "terraform_data" "server" {
  input = { size = "large", zone = "a", rules = jsonencode({ ports = [22, 443], open = true }) }
}
