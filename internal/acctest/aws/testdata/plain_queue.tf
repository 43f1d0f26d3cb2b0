resource "tidegate_queue" "orders" {
  name        = "orders"
  consumer    = { function = "fulfil" }
  dead_letter = { max_receives = 5 }

  functions = {
    fulfil = {
      source  = "${path.module}/code/fulfil"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
