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

    # Tries the new version of "resize", whose ARN is in the event, and fails if it does.
    smoke = {
      source  = "${path.module}/smoke"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }

  release = { strategy = "Linear25PercentEvery1Minute", before = "smoke" }
}

# On AWS a function may be an image, run as a role of your own, and in a VPC.
resource "tidegate_stack" "invoices" {
  name = "invoices"

  functions = {
    print = {
      image    = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/invoices@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
      memory   = 2048
      role_arn = "arn:aws:iam::123456789012:role/invoices"

      network = {
        subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
        security_group_ids = ["sg-0123456789abcdef0"]
      }
    }
  }
}

output "resize_url" {
  value = tidegate_stack.thumbnails.functions["resize"].function_url
}
