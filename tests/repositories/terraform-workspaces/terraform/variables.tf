variable "instance_count" {
  type        = number
  description = "How many web servers there are."
}
