resource "tidegate_schedule" "reports" {
  name      = "reports"
  schedules = { hourly = { function = "report", expression = "rate(1 hour)" } }

  functions = {
    report = {
      source  = "${path.module}/code/report"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
