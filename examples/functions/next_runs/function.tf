# From now on, to look at.
output "next_reports" {
  value = provider::tidegate::next_runs("cron(0 2 * * ? *)", "Europe/Berlin", 3)
}

# From the time of the plan on, to be used by resources.
output "first_report" {
  value = provider::tidegate::next_runs("rate(12 hours)", "UTC", 1, plantimestamp())[0]
}
