resource "tidegate_queue" "orders" {
  name = "orders"

  visibility_timeout = "3m" # six times the function's timeout
  dead_letter        = { max_receives = 5 }

  consumer = {
    function         = "fulfil"
    batch_size       = 10
    batch_window     = "1s"
    partial_failures = true
    max_concurrency  = 20
    filters          = [jsonencode({ body = { status = ["paid"] } })]
  }

  functions = {
    fulfil = {
      source      = "${path.module}/fulfil"
      runtime     = "python3.13"
      handler     = "app.handler"
      memory      = 256
      timeout     = "30s"
      environment = { TABLE = "orders" }

      # Kept out of plan and state; sent when the version changes.
      secrets_wo      = { API_KEY = var.api_key }
      secrets_version = "2026-01"

      concurrency = { reserved = 50 }
      async       = { retries = 2, max_age = "1h" }
      logs        = { retention_days = 14 }
    }
  }

  tags = { team = "shop" }
}

variable "api_key" {
  type      = string
  ephemeral = true
}
