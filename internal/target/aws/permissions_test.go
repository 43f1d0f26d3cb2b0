package aws

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// services are the SDK's names for the clients, by their fields.
var services = map[string]string{
	"lambda": lambda.ServiceID, "iam": iam.ServiceID, "logs": cloudwatchlogs.ServiceID, "cloudwatch": cloudwatch.ServiceID, "sqs": sqs.ServiceID,
	"gateway": apigatewayv2.ServiceID, "scheduler": scheduler.ServiceID, "s3": s3.ServiceID,
}

// possible are the calls that api.go allows, as "Lambda.CreateFunction".
func possible(t *testing.T) []string {
	var calls []string
	for field := range reflect.TypeFor[clients]().Fields() {
		service, ok := services[field.Name]
		if !ok {
			t.Fatalf("the test does not know the client %s", field.Name)
		}
		for method := range field.Type.Methods() {
			calls = append(calls, service+"."+method.Name)
		}
	}
	return calls
}

func TestThePermissionsAreThoseOfThePossibleCalls(t *testing.T) {
	calls := possible(t)
	var known []string
	for _, p := range permissions {
		known = append(known, p.service+"."+p.call)
	}
	for _, call := range calls {
		if !slices.Contains(known, call) {
			t.Errorf("permissions_calls.go lacks %s, which api.go has", call)
		}
	}
	for n, call := range known {
		if !slices.Contains(calls, call) {
			t.Errorf("permissions_calls.go has %s, which api.go lacks", call)
		}
		if slices.Contains(known[:n], call) {
			t.Errorf("permissions_calls.go has %s twice", call)
		}
	}
	for _, f := range furthers {
		for _, call := range f.calls {
			if !slices.Contains(calls, call) {
				t.Errorf("%s is for %s, which api.go lacks", f.action, call)
			}
		}
	}
}

func TestEveryPossibleCallIsMade(t *testing.T) {
	made := map[string]bool{}
	inspect := func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		// s.lambda.GetFunction(...)
		made[services[lastName(method.X)]+"."+method.Sel.Name] = true
		// lambda.NewListAliasesPaginator(s.lambda, ...)
		if of, ok := strings.CutSuffix(strings.TrimPrefix(method.Sel.Name, "New"), "Paginator"); ok && len(call.Args) > 0 {
			made[services[lastName(call.Args[0])]+"."+of] = true
		}
		return true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, inspect)
	}
	for _, call := range possible(t) {
		if !made[call] {
			t.Errorf("nothing calls %s; take it out of api.go", call)
		}
	}
}

// lastName of an expression such as s.i.lambda.
func lastName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}

func TestPlanningChangesNothing(t *testing.T) {
	for _, p := range permissions {
		if p.plan() && !p.reads() {
			t.Errorf("planning calls %s of %s", p.call, p.service)
		}
	}
	for action := range needs(planning) {
		_, verb, _ := strings.Cut(action, ":")
		if !strings.HasPrefix(verb, "Get") && !strings.HasPrefix(verb, "List") && !strings.HasPrefix(verb, "Describe") && verb != "GET" && action != "kms:Decrypt" {
			t.Errorf("planning may do %s", action)
		}
	}
}

func TestPoliciesFitIntoManagedOnes(t *testing.T) {
	const longest = 6144 // without white space, by IAM's quotas
	for name, chosen := range map[string]func(permission) bool{"plan": planning, "apply": applying} {
		text := document(chosen)
		if n := len(strings.Join(strings.Fields(text), "")); n > longest {
			t.Errorf("the policy for %s has %d characters, more than %d", name, n, longest)
		} else {
			t.Logf("%s: %d characters", name, n)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("the policy for %s is no JSON", name)
		}
	}
}

func TestTheGuideIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../../docs/guides/aws-permissions.md")
	if err != nil || string(page) != PermissionsGuide() {
		t.Errorf("docs/guides/aws-permissions.md is not current (%v): run make generate", err)
	}
}
