terraform {
  required_providers {
    tidegate = {
      source = "tidegate-io/tidegate"
    }
  }
}

# Without any configuration: the runtime of this machine, with the token that
# `tidegate serve` wrote for this user.
provider "tidegate" {}

# A runtime elsewhere.
provider "tidegate" {
  alias = "staging"

  open = {
    endpoint = "https://tidegate.staging.example.org"
    token    = var.staging_token
  }
}

variable "staging_token" {
  type      = string
  sensitive = true
}

# AWS, with the credentials that its own tools would find, and as a role.
provider "tidegate" {
  alias  = "production"
  target = "aws"

  aws = {
    region              = "eu-central-1"
    assume_role         = { role_arn = "arn:aws:iam::123456789012:role/deploy" }
    allowed_account_ids = ["123456789012"]
    default_tags        = { team = "shop" }
  }
}
