# Queues that are alike, before and after a change of everything about them.

variable "stacks" { type = set(string) }

variable "changed" { type = bool }


resource "tidegate_queue" "crash" {
  for_each = var.stacks
  name     = each.key

  visibility_timeout = var.changed ? "3m" : "2m"
  dead_letter        = var.changed ? null : { max_receives = 5 }
  consumer           = { function = "work", batch_size = var.changed ? 5 : 10 }

  functions = {
    work = {
      source  = "${path.module}/${var.changed ? "after" : "before"}"
      runtime = "python3.13"
      handler = "app.handler"
      memory  = var.changed ? 256 : 128
    }
    # One function goes, the other comes.
    (var.changed ? "audit" : "old") = {
      source  = "${path.module}/audit"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
