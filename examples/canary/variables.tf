variable "python_runtime" {
  description = "Runtime identifier of the function. On the open runtime it is available if its interpreter is installed where `tidegate serve` runs; GET /v1/runtimes lists them."
  type        = string
  default     = "python3.13"
}
