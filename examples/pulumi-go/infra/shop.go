// Package infra is what the program deploys.
package infra

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/go/tidegate"
)

// Shop is an HTTP API that quotes prices, with the function that answers it.
func Shop(ctx *pulumi.Context) error {
	c := config.New(ctx, "")
	shop, err := tidegate.NewHttpApi(ctx, "shop", &tidegate.HttpApiArgs{
		Name: pulumi.String(c.Require("name")),
		Routes: tidegate.HttpApiRouteMap{
			"GET /quotes/{item}": &tidegate.HttpApiRouteArgs{Function: pulumi.String("quote")},
		},
		Functions: tidegate.FunctionMap{
			"quote": &tidegate.FunctionArgs{
				Source:      pulumi.String("./quote"),
				Runtime:     pulumi.String(c.Require("runtime")),
				Handler:     pulumi.String("app.handler"),
				Timeout:     pulumi.String("5s"),
				Environment: pulumi.StringMap{"CURRENCY": pulumi.String(c.Require("currency"))},
				// Encrypted in the state, and shown nowhere. Another version hands on another value.
				SecretsWo:      pulumi.StringMap{"SIGNING_KEY": c.RequireSecret("signingKey")},
				SecretsVersion: pulumi.String("1"),
			},
		},
	})
	if err != nil {
		return err
	}
	ctx.Export("url", shop.Url)
	ctx.Export("releaseId", shop.ReleaseId)
	ctx.Export("alias", shop.Functions.MapIndex(pulumi.String("quote")).AliasArn())
	return nil
}
