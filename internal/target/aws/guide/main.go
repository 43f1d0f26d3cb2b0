// The program guide prints docs/guides/aws-permissions.md.
package main

import (
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/aws"
)

func main() { fmt.Print(aws.PermissionsGuide()) }
