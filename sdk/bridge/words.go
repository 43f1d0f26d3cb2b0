package bridge

import (
	"maps"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// Words turn what the provider says for people who use Terraform, in descriptions and
// in errors, into what those who use Pulumi know: the names of their properties, types
// and commands.
type Words struct {
	// properties by the names of the attributes, where those differ.
	properties map[string]string
	// types by the names of resources and data sources: tidegate_queue -> tidegate.Queue.
	types map[string]string
	// functions by their names: provider::tidegate::next_runs -> tidegate.nextRuns.
	functions map[string]string
	// tokens of resources by the same names: tidegate_queue -> tidegate:index/queue:Queue.
	tokens map[string]string
}

// NewWords learns the words from the provider's schema.
func NewWords(info tfbridge.ProviderInfo) *Words {
	w := &Words{properties: map[string]string{}, types: map[string]string{}, functions: map[string]string{}, tokens: map[string]string{}}
	w.learn(info.P.Schema(), info.Config)
	info.P.ResourcesMap().Range(func(name string, r shim.Resource) bool {
		w.learn(r.Schema(), info.Resources[name].Fields)
		w.types[name] = Name + "." + string(info.Resources[name].Tok.Name())
		w.tokens[name] = string(info.Resources[name].Tok)
		return true
	})
	info.P.DataSourcesMap().Range(func(name string, r shim.Resource) bool {
		w.learn(r.Schema(), info.DataSources[name].Fields)
		if _, taken := w.types[name]; !taken {
			w.types[name] = Name + "." + string(info.DataSources[name].Tok.Name())
		}
		return true
	})
	for name, f := range info.Functions {
		w.functions["provider::"+Name+"::"+name] = Name + "." + string(f.Tok.Name())
	}
	return w
}

func (w *Words) learn(schema shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo) {
	schema.Range(func(name string, s shim.Schema) bool {
		if pulumi := tfbridge.TerraformToPulumiNameV2(name, schema, infos); pulumi != name {
			w.properties[name] = pulumi
		}
		info := infos[name]
		for depth := s; depth != nil; {
			if info != nil {
				info = info.Elem
			}
			switch elem := depth.Elem().(type) {
			case shim.Resource:
				var fields map[string]*tfbridge.SchemaInfo
				if info != nil {
					fields = info.Fields
				}
				w.learn(elem.Schema(), fields)
				depth = nil
			case shim.Schema:
				depth = elem
			default:
				depth = nil
			}
		}
		return true
	})
}

// Properties are the names of the properties that differ from their attributes'.
func (w *Words) Properties() map[string]string { return maps.Clone(w.properties) }

var (
	identifier = regexp.MustCompile(`(?:provider::[a-z]+::)?[a-z][a-z0-9]*(?:_[a-z0-9]+)+`)
	imports    = regexp.MustCompile(`terraform import (tidegate_[a-z_]+)\.`)
	member     = regexp.MustCompile(`\.[a-z]+\b`)
	attribute  = regexp.MustCompile(`AttributeName\("([a-z0-9_]+)"\)|ElementKeyString\("([^"]*)"\)|ElementKeyInt\((\d+)\)`)
)

// phrases are commands and things that Pulumi calls otherwise. Of two that fit, the
// first holds.
var phrases = strings.NewReplacer(
	"run Terraform again", "run Pulumi again",
	"terraform apply -parallelism=N", "pulumi up --parallel N",
	"the next apply", "the next pulumi up",
	"next apply", "next pulumi up",
	"nothing was changed now: plan again", "nothing was changed now: run pulumi refresh, and pulumi up again",
	", though Terraform calls that a replacement", "",
	"Terraform", "Pulumi",
)

// Sentence is a sentence of the provider's in Pulumi's words.
func (w *Words) Sentence(s string) string {
	s = w.paths(s)
	s = imports.ReplaceAllStringFunc(s, func(match string) string {
		token, ok := w.tokens[strings.TrimSuffix(strings.TrimPrefix(match, "terraform import "), ".")]
		if !ok {
			return match
		}
		return "pulumi import " + token + " "
	})
	return phrases.Replace(w.Names(s))
}

// Names turns names alone: of attributes, resources, data sources and functions. One word
// without an underscore is a name only where it follows a dot.
func (w *Words) Names(s string) string {
	s = member.ReplaceAllStringFunc(s, func(word string) string {
		if name, ok := w.properties[word[1:]]; ok {
			return "." + name
		}
		return word
	})
	return identifier.ReplaceAllStringFunc(s, func(word string) string {
		for _, names := range []map[string]string{w.functions, w.types, w.properties} {
			if name, ok := names[word]; ok {
				return name
			}
		}
		return word
	})
}

// Camel is a name as Pulumi writes it: max_retries becomes maxRetries.
func Camel(name string) string {
	first, rest, _ := strings.Cut(name, "_")
	for part := range strings.SplitSeq(rest, "_") {
		if part != "" {
			first += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return first
}

// paths turns the bridge's own notation for where something is wrong,
// [AttributeName("functions").ElementKeyString("a")], into Pulumi's: functions["a"].
func (w *Words) paths(s string) string {
	if !strings.HasPrefix(s, "[AttributeName(") {
		return s
	}
	raw, rest, found := strings.Cut(s, "] ")
	if !found {
		return s
	}
	var path strings.Builder
	for _, step := range attribute.FindAllStringSubmatch(raw, -1) {
		switch {
		case step[1] != "" && path.Len() > 0:
			path.WriteString("." + step[1])
		case step[1] != "":
			path.WriteString(step[1])
		case step[3] != "":
			path.WriteString("[" + step[3] + "]")
		default:
			path.WriteString(`["` + step[2] + `"]`)
		}
	}
	return path.String() + ": " + rest
}
