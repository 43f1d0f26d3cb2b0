// An HTTP API that quotes prices, with the function that answers it.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/shop/infra"
)

func main() { pulumi.Run(infra.Shop) }
