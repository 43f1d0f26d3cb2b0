resource "tidegate_http_api" "shop" {
  name = "shop"

  routes = {
    "POST /orders"         = { function = "create" }
    "GET /orders/{id}"     = { function = "read" }
    "GET /health"          = { function = "read", auth = "none" }
    "DELETE /orders/{id+}" = { function = "create", scopes = ["admin"] }
  }

  cors     = { allow_origins = ["https://shop.example.org"], allow_methods = ["GET", "POST"] }
  throttle = { rate = 100, burst = 200 }
  auth     = { issuer = "https://login.example.org", audience = ["shop"] }

  access_log = { retention_days = 30 } # on AWS

  functions = {
    create = {
      source  = "${path.module}/create"
      runtime = "nodejs22.x"
      handler = "index.handler"

      # May put messages on the queue of another stack.
      environment = { QUEUE_URL = tidegate_queue.orders.url }
      permissions = [{ actions = ["sqs:SendMessage"], resources = [tidegate_queue.orders.arn] }]
    }

    # A program that is compiled while planning.
    read = {
      source  = "${path.module}/read"
      runtime = "provided.al2023"
      build   = { command = "CGO_ENABLED=0 go build -trimpath -o $TIDEGATE_OUTPUT/bootstrap ." }
    }
  }

  # New versions of both get a tenth of the requests for five minutes, and the rest only
  # if no more than one of a hundred has failed.
  release = {
    strategy = "canary"
    weight   = 10
    interval = "5m"
    gate     = { max_error_rate = 0.01, max_p95_ratio = 1.5, min_invocations = 50 }
  }
}

resource "tidegate_queue" "orders" {
  name     = "orders"
  consumer = { function = "fulfil" }

  functions = {
    fulfil = {
      source  = "${path.module}/fulfil"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}

output "shop_url" {
  value = tidegate_http_api.shop.url
}
