resource "terraform_data" "found" {}

import {
  to = terraform_data.found
  id = "i-0123"
}
