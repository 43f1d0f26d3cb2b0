# Functions that others invoke by their ARN, or at an address of their own.
resource "tidegate_stack" "thumbnails" {
  name = "thumbnails"

  functions = {
    resize = {
      source  = "${path.module}/resize"
      runtime = "python3.13"
      handler = "app.handler"
      memory  = 1769 # one vCPU
      timeout = "1m"

      url = {
        auth = "none"
        cors = { allow_origins = ["https://shop.example.org"] }
      }
    }
  }
}

output "resize_url" {
  value = tidegate_stack.thumbnails.functions["resize"].function_url
}
