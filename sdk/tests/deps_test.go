package tests

import (
	_ "github.com/pulumi/pulumi/sdk/v3/go/auto"
	_ "github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	_ "github.com/tidegate-io/terraform-provider-tidegate/sdk/go/tidegate"
)
