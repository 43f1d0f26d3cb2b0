resource "tidegate_schedule" "reports" {
  name = "reports"

  schedules = {
    nightly = {
      function        = "report"
      expression      = "cron(0 2 * * ? *)"
      timezone        = "Europe/Berlin"
      input           = jsonencode({ full = true })
      flexible_window = "10m"
    }
    hourly = {
      function   = "report"
      expression = "rate(1 hour)"
      retry      = { attempts = 3, max_age = "30m" }
    }
    once = {
      function   = "report"
      expression = "at(2030-01-31T12:00:00)"
    }
  }

  functions = {
    report = {
      source  = "${path.module}/report"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
