# An HTTP API whose new versions get a tenth of the requests first, and all of them
# only if they do not fail.

terraform {
  required_providers {
    tidegate = {
      source = "tidegate-io/tidegate"
    }
  }
}

# The runtime that `tidegate serve` started for this user, unless TIDEGATE_ENDPOINT
# and TIDEGATE_TOKEN name another. With TIDEGATE_TARGET=aws, AWS.
provider "tidegate" {}

resource "tidegate_http_api" "parcels" {
  name = "parcels"

  routes = {
    "GET /quote" = { function = "quote" }
  }

  functions = {
    quote = {
      source  = "${path.module}/quote"
      runtime = var.python_runtime
      handler = "app.handler"
      timeout = "5s"
    }
  }

  release = {
    strategy = "canary"
    weight   = 10    # percent of the requests
    interval = "10s" # so that nobody has to wait here; minutes are more usual

    gate = {
      max_error_rate  = 0.01  # of the new version's requests
      min_invocations = 20    # fewer say too little: the release waits for them,
      timeout         = "10m" # for so long
    }
  }
}
