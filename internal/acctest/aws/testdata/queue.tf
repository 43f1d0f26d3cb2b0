# A queue with everything that a standard one can have, and a FIFO queue.

resource "tidegate_queue" "orders" {
  name = "orders"

  visibility_timeout = "3m"
  retention          = "48h"
  delay              = "5s"
  max_message_size   = 65536
  dead_letter        = { max_receives = 5, retention = "72h" }
  consumer = {
    function         = "fulfil"
    batch_size       = 20
    batch_window     = "2s"
    partial_failures = true
    max_concurrency  = 10
    filters          = [jsonencode({ body = { status = ["paid"] } }), jsonencode({ body = { total = [{ numeric = [">", 100] }] } })]
  }

  functions = {
    fulfil = {
      source  = "${path.module}/code/fulfil"
      runtime = "python3.13"
      handler = "app.handler"
      timeout = "30s"
    }
    audit = {
      source  = "${path.module}/code/audit"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }

  tags = { team = "orders" }
}

resource "tidegate_queue" "ledger" {
  name = "ledger"

  fifo                        = true
  content_based_deduplication = true
  dead_letter                 = { max_receives = 3 }
  consumer                    = { function = "post", enabled = false }

  functions = {
    post = {
      source  = "${path.module}/code/post"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
