# A small shop: an HTTP API takes orders and puts them on a queue, the queue's
# consumer fulfils them, and a schedule reports whether the shop is open.

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

resource "tidegate_http_api" "shop" {
  name = "shop"

  routes = {
    "GET /menu"    = { function = "order" }
    "POST /orders" = { function = "order" }
  }

  functions = {
    order = {
      source      = "${path.module}/order"
      runtime     = var.node_runtime
      handler     = "index.handler"
      timeout     = "10s"
      environment = { QUEUE_URL = tidegate_queue.orders.url }

      # The function's own token, or role, is good for this and nothing else.
      permissions = [{
        actions   = ["sqs:SendMessage"]
        resources = [tidegate_queue.orders.arn]
      }]
    }
  }
}

resource "tidegate_queue" "orders" {
  name               = "orders"
  visibility_timeout = "1m"
  dead_letter        = { max_receives = 3 }

  consumer = {
    function         = "fulfil"
    batch_size       = 10
    partial_failures = true
  }

  functions = {
    fulfil = {
      source  = "${path.module}/fulfil"
      runtime = var.python_runtime
      handler = "app.handler"
      timeout = "10s"
    }
  }
}

resource "tidegate_schedule" "report" {
  name = "report"

  schedules = {
    open = {
      function   = "report"
      expression = var.report_schedule
      input      = jsonencode({ shop = tidegate_http_api.shop.url })
    }
  }

  functions = {
    report = {
      source  = "${path.module}/report"
      runtime = "provided.al2023"
      timeout = "10s"
      build = {
        command     = "go build -trimpath -o $TIDEGATE_OUTPUT/bootstrap ."
        environment = merge({ CGO_ENABLED = "0" }, var.go_environment)
      }
    }
  }
}
