resource "terraform_data" "old" { count = 5 }
resource "terraform_data" "new" { count = 60 }
