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
