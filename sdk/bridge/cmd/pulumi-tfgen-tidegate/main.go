// pulumi-tfgen-tidegate writes the schema of the Pulumi package, and what the bridge
// remembers of it, into the folder of sdk/bridge that it is given. Its second argument is
// the folder of the provider's examples.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/provider"
	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge/internal/example"
	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge/internal/refine"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-tfgen-tidegate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("give the folder to write to and that of the examples")
	}
	info := bridge.Provider(ctx)
	generated, err := tfgen.GenerateSchema(ctx, tfgen.GenerateSchemaOptions{ProviderInfo: info, XInMemoryDocs: true})
	if err != nil {
		return err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(generated.ProviderMetadata.PackageSchema, &spec); err != nil {
		return err
	}
	if err := refine.Schema(ctx, &spec, info, provider.New(bridge.Version)()); err != nil {
		return err
	}
	if err := example.Add(&spec, info, args[1]); err != nil {
		return err
	}
	raw, err := encode(spec)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(args[0], "cmd", "pulumi-resource-"+bridge.Name, "schema.json"), raw, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(args[0], "bridge-metadata.json"), append((*metadata.Data)(info.MetadataInfo.Data).MarshalIndent(), '\n'), 0o644)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
