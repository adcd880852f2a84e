variable "environment" {
  type = string
}

# The account, as the credentials say, is what the gateway is allowed to reach.
resource "terraform_data" "gateway" {
  input = "gateway-${var.environment}"
}
