# Ten queue stacks as one has to write them with hashicorp/aws: for `make bench`.
terraform {
  required_providers { aws = { source = "hashicorp/aws", version = "5.100.0" } }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {
    iam    = var.endpoint
    lambda = var.endpoint
    sqs    = var.endpoint
    logs   = var.endpoint
    sts    = var.endpoint
  }
}
variable "endpoint" {
  type = string
}

variable "stacks" {
  type = number
}

locals { names = [for i in range(var.stacks) : "bench-${i}"] }
resource "aws_sqs_queue" "dead" {
  for_each = toset(local.names)
  name     = "${each.key}-dead-letters"
}
resource "aws_sqs_queue" "main" {
  for_each                   = toset(local.names)
  name                       = each.key
  visibility_timeout_seconds = 180
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn, maxReceiveCount = 5 })
}
resource "aws_iam_role" "r" {
  for_each           = toset(local.names)
  name               = "${each.key}-fulfil"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "p" {
  for_each = toset(local.names)
  name     = "tidegate"
  role     = aws_iam_role.r[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = aws_sqs_queue.main[each.key].arn },
  { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.g[each.key].arn}:*" }] })
}
resource "aws_cloudwatch_log_group" "g" {
  for_each          = toset(local.names)
  name              = "/aws/lambda/${each.key}-fulfil"
  retention_in_days = 14
}
resource "aws_lambda_function" "f" {
  for_each         = toset(local.names)
  function_name    = "${each.key}-fulfil"
  role             = aws_iam_role.r[each.key].arn
  filename         = "${path.module}/app.zip"
  source_code_hash = filebase64sha256("${path.module}/app.zip")
  handler          = "app.handler"
  runtime          = "python3.13"
  timeout          = 30
  publish          = true
  depends_on       = [aws_iam_role_policy.p, aws_cloudwatch_log_group.g]
}
resource "aws_lambda_alias" "a" {
  for_each         = toset(local.names)
  name             = "live"
  function_name    = aws_lambda_function.f[each.key].function_name
  function_version = aws_lambda_function.f[each.key].version
}
resource "aws_lambda_event_source_mapping" "m" {
  for_each         = toset(local.names)
  event_source_arn = aws_sqs_queue.main[each.key].arn
  function_name    = aws_lambda_alias.a[each.key].arn
  batch_size       = 10
}
