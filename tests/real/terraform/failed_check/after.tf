resource "terraform_data" "server" { input = "small" }

check "size" {
  assert {
    condition     = terraform_data.server.input == "large"
    error_message = "The server is too small."
  }
}
