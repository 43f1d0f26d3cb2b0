// Package awswire stands between a client of AWS and an emulator of it, for tests.
// A Proxy records every request, and can hold up, change or fail chosen ones. The
// services' own models, which botocore ships, tell which operation a request is,
// what its parameters are, and whether real AWS would refuse it.
//
// Services have the names of botocore's data folders (lambda, iam, sqs, logs,
// apigatewayv2, scheduler, s3, sts, ec2, ecr, application-autoscaling), operations
// and parameters those of the models.
package awswire
