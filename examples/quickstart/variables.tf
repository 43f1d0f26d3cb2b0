# A runtime is available if its interpreter is installed where `tidegate serve`
# runs; GET /v1/runtimes lists them.

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
