# Stacks that show what reaches a function, on either target: the provider's block says
# nothing of it. Functions answer with their event, or print it.

terraform {
  required_providers {
    tidegate = { source = "tidegate-io/tidegate" }
  }
}

provider "tidegate" {}

variable "python" { type = string }
variable "node" { type = string }

variable "due" {
  type        = string
  description = "When the schedules are due, as at() has it."
}

locals {
  python = { source = "${path.module}/python", runtime = var.python, handler = "app.handler" }
}

resource "tidegate_http_api" "shop" {
  name = "shop"

  routes = {
    "GET /orders/{order}" = { function = "python" }
    "ANY /files/{key+}"   = { function = "node" }
    "$default"            = { function = "python" }
  }
  cors = {
    allow_origins = ["https://shop.example.org"]
    allow_methods = ["GET", "POST"]
    allow_headers = ["content-type"]
    max_age       = "1h"
  }

  functions = {
    python = local.python
    node   = { source = "${path.module}/node", runtime = var.node, handler = "index.handler" }
  }
}

resource "tidegate_queue" "orders" {
  name        = "orders"
  dead_letter = { max_receives = 3 }
  consumer = {
    function         = "fulfil"
    partial_failures = true
    filters          = [jsonencode({ body = { status = ["paid"] } })]
  }
  functions = { fulfil = local.python }
}

resource "tidegate_schedule" "reports" {
  name = "reports"
  schedules = {
    plain    = { function = "report", expression = var.due }
    given    = { function = "report", expression = var.due, input = jsonencode({ full = true, days = 7 }) }
    disabled = { function = "report", expression = var.due, input = jsonencode({ disabled = true }), enabled = false }
  }
  functions = { report = local.python }
}

resource "tidegate_stack" "tools" {
  name      = "tools"
  functions = { echo = merge(local.python, { url = { auth = "none" } }) }
}

output "api" { value = tidegate_http_api.shop.url }
output "queue" { value = tidegate_queue.orders.url }
output "tool" { value = tidegate_stack.tools.functions["echo"].function_url }
