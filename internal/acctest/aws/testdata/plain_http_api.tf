resource "tidegate_http_api" "shop" {
  name   = "shop"
  routes = { "$default" = { function = "create" } }

  functions = {
    create = {
      source  = "${path.module}/code/create"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
