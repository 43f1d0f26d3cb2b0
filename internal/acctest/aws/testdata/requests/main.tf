# An HTTP API with a function in Python that everybody reaches, and one in JavaScript
# that asks for a token.

variable "issuer" { type = string }

resource "tidegate_http_api" "shop" {
  name = "shop"

  routes = {
    "GET /menu"    = { function = "menu", auth = "none" }
    "POST /orders" = { function = "order" }
    "$default"     = { function = "menu", auth = "none" }
  }
  auth = { issuer = var.issuer, audience = ["shop"] }

  functions = {
    menu  = { source = "${path.module}/menu", runtime = "python3.13", handler = "app.handler" }
    order = { source = "${path.module}/order", runtime = "nodejs22.x", handler = "index.handler" }
  }
}

output "url" { value = tidegate_http_api.shop.url }
output "versions" { value = { for name, function in tidegate_http_api.shop.functions : name => function.version } }
