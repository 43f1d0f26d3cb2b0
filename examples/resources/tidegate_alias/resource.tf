resource "tidegate_http_api" "shop" {
  name = "shop"

  routes = {
    "POST /orders"      = { function = "order" }
    "POST /beta/orders" = { function = "order", alias = "beta" }
  }

  functions = {
    order = {
      source  = "${path.module}/order"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}

# Testers get the newest version with every tenth order; what is live stays as it is.
resource "tidegate_alias" "beta" {
  stack    = tidegate_http_api.shop.name
  function = "order"
  name     = "beta"
  routing  = { "7" = 90, "8" = 10 }
  url      = { auth = "none" }
}
