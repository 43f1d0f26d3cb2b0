# On the open runtime, a runtime is available if its interpreter is installed where
# `tidegate serve` runs; GET /v1/runtimes lists them.

variable "node_runtime" {
  description = "Runtime identifier for the functions in JavaScript."
  type        = string
  default     = "nodejs22.x"
}

variable "python_runtime" {
  description = "Runtime identifier for the functions in Python."
  type        = string
  default     = "python3.13"
}

variable "report_schedule" {
  description = "When to report: cron(...), rate(...) or at(...), in UTC."
  type        = string
  default     = "cron(0 7 ? * MON-FRI *)"
}

variable "go_environment" {
  description = "Further variables for building the function in Go, such as GOOS and GOARCH of where it is going to run. Default: it is built for this machine."
  type        = map(string)
  default     = {}
}
