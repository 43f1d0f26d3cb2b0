package refine

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// names are the rules by which types get their names; all that fit are applied in turn.
// The bridge names a type by its path: QueueFunctionsUrlCors.
var names = []struct {
	from *regexp.Regexp
	to   string
}{
	// What every kind of stack has is the same type in all of them.
	{regexp.MustCompile(`^(Deployed)?(?:HttpApi|Queue|Schedule|Stack)Functions`), "${1}Function"},
	{regexp.MustCompile(`^(?:HttpApi|Queue|Schedule|Stack)Release`), "Release"},
	{regexp.MustCompile(`^AliasUrl`), "FunctionUrl"},
	{regexp.MustCompile(`^(?:FunctionUrl|HttpApi)Cors$`), "Cors"},
	// A map's elements are called as one of them is.
	{regexp.MustCompile(`^HttpApiRoutes`), "HttpApiRoute"},
	{regexp.MustCompile(`^ScheduleSchedules`), "ScheduleEntry"},
	{regexp.MustCompile(`^getStackFunctions`), "getStackFunction"},
	{regexp.MustCompile(`^getReleasesReleaseMoves`), "getReleasesReleaseMove"},
}

// share gives types their names, and makes those one that get the same.
func share(spec *schema.PackageSpec) error {
	tokens := map[string]string{}
	for token := range spec.Types {
		name := nameOf(token)
		for _, rule := range names {
			name = rule.from.ReplaceAllString(name, rule.to)
		}
		tokens[token] = renamed(token, name)
	}
	properties(spec, func(p *schema.PropertySpec) {
		references(&p.TypeSpec, func(t *schema.TypeSpec) {
			if token, ok := tokens[strings.TrimPrefix(t.Ref, typeRef)]; ok {
				t.Ref = typeRef + token
			}
		})
	})
	types := map[string]schema.ComplexTypeSpec{}
	for _, old := range slices.Sorted(maps.Keys(spec.Types)) {
		token, t := tokens[old], spec.Types[old]
		if other, ok := types[token]; ok && !reflect.DeepEqual(other, t) {
			return fmt.Errorf("%s is to be %s, but that is another type already", old, token)
		}
		types[token] = t
	}
	spec.Types = types
	return nil
}
