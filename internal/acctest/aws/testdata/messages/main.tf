# A queue whose consumer fails for some messages, and a FIFO queue.

resource "tidegate_queue" "orders" {
  name = "orders"

  visibility_timeout = "5s"
  dead_letter        = { max_receives = 2 }
  consumer = {
    function         = "fulfil"
    batch_size       = 5
    partial_failures = true
    filters          = [jsonencode({ body = { status = ["paid", "lost"] } })]
  }

  functions = {
    fulfil = { source = "${path.module}/fulfil", runtime = "python3.13", handler = "app.handler", timeout = "5s" }
  }
}

resource "tidegate_queue" "ledger" {
  name = "ledger"

  fifo                        = true
  content_based_deduplication = true
  consumer                    = { function = "post", batch_size = 2 }

  functions = {
    post = { source = "${path.module}/post", runtime = "python3.13", handler = "app.handler" }
  }
}

output "version" { value = tidegate_queue.orders.functions["fulfil"].version }
