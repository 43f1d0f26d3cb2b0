# Functions without a trigger, with everything that a function can have.

resource "tidegate_stack" "media" {
  name = "media"

  functions = {
    resize = {
      source            = "${path.module}/code/resize"
      runtime           = "python3.13"
      handler           = "app.handler"
      memory            = 512
      timeout           = "20s"
      ephemeral_storage = 1024
      tracing           = "active"
      layers            = ["${path.module}/code/layer"]
      environment       = { BUCKET = "pictures" }
      secrets_wo        = { API_KEY = "correct-horse-battery" }
      secrets_version   = "1"
      permissions = [
        { actions = ["s3:GetObject", "s3:PutObject"], resources = ["arn:aws:s3:::pictures/*"] },
      ]
      concurrency   = { reserved = 7 }
      async         = { retries = 1, max_age = "1h", on_failure = var.elsewhere, on_success = var.elsewhere }
      logs          = { retention_days = 14 }
      keep_versions = 3
      url = {
        auth = "none"
        cors = { allow_origins = ["https://media.example.org"], allow_methods = ["GET"], max_age = "10m" }
      }
    }
    inside = {
      source       = "${path.module}/code/inside"
      runtime      = "python3.13"
      handler      = "app.handler"
      architecture = "arm64"
      kms_key_arn  = var.key
      environment  = { TABLE = "pictures" }
      network      = { subnet_ids = var.subnets, security_group_ids = var.security_groups }
      url          = {}
    }
  }

  tags = { team = "media" }
}
