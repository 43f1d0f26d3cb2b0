# Schedules with everything that they can have.

resource "tidegate_schedule" "reports" {
  name = "reports"

  schedules = {
    nightly = {
      function        = "report"
      expression      = "cron(0 2 * * ? *)"
      timezone        = "Europe/Berlin"
      input           = jsonencode({ full = true, at = "<aws.scheduler.scheduled-time>" })
      flexible_window = "10m"
      retry           = { attempts = 3, max_age = "30m" }
      dead_letter     = var.elsewhere
      start           = "2024-01-01T00:00:00Z"
      end             = "2090-01-01T00:00:00Z"
    }
    hourly = {
      function   = "report"
      expression = "rate(1 hour)"
      start      = "2089-06-01T12:00:00+02:00"
    }
    once = {
      function   = "report"
      expression = "at(2089-01-31T12:00:00)"
      enabled    = false
    }
  }

  functions = {
    report = {
      source  = "${path.module}/code/report"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }

  tags = { team = "reports" }
}
