# What stacks refer to and do not own; see surroundings.

variable "elsewhere" {
  type        = string
  description = "ARN of somebody else's queue."
}

variable "key" {
  type        = string
  description = "ARN of a KMS key."
}

variable "subnets" { type = list(string) }

variable "security_groups" { type = list(string) }
