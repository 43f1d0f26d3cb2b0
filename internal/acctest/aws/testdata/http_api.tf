# An HTTP API with everything that one can have.

resource "tidegate_http_api" "shop" {
  name = "shop"

  routes = {
    "POST /orders"      = { function = "create" }
    "GET /orders/{id}"  = { function = "read", scopes = ["orders/read"] }
    "ANY /files/{key+}" = { function = "read" }
    "GET /health"       = { function = "read", auth = "none" }
    "$default"          = { function = "create" }
  }

  cors = {
    allow_origins     = ["https://shop.example.org"]
    allow_methods     = ["GET", "POST"]
    allow_headers     = ["authorization", "content-type"]
    expose_headers    = ["x-request-id"]
    allow_credentials = true
    max_age           = "1h"
  }
  throttle   = { rate = 50.5, burst = 100 }
  auth       = { issuer = "https://login.example.org/shop", audience = ["shop", "admin"], scopes = ["orders"] }
  access_log = { retention_days = 30 }

  functions = {
    create = {
      source  = "${path.module}/code/create"
      runtime = "python3.13"
      handler = "app.handler"
      memory  = 256
    }
    read = {
      source  = "${path.module}/code/read"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }

  tags = { team = "shop" }
}
