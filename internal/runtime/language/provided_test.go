package language

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// A bootstrap in a language of the package's own: here a shell that answers
// without a client for the Runtime API.
func TestProvidedRunsThePackagesBootstrap(t *testing.T) {
	for _, runtime := range []string{"provided", "provided.al2", "provided.al2023"} {
		t.Run(runtime, func(t *testing.T) {
			f := start(t, runtime, "own.name", map[string]string{"bootstrap": `#!/bin/sh
echo "task $LAMBDA_TASK_ROOT handler $_HANDLER execution ${AWS_EXECUTION_ENV-none} args $#"
pwd
`})
			if a := f.answer(); a.to != "exit" || a.body != "0" {
				t.Errorf("the bootstrap ends with %+v", a)
			}
			f.prints("/.*")
			root, rest, _ := strings.Cut(strings.TrimPrefix(f.output.String(), "task "), " ")
			if want := "handler own.name execution none args 0\n" + root + "\n"; rest != want {
				t.Errorf("it prints %q, not %q", rest, want)
			}
		})
	}
}

func TestTheEnvironmentIsLambdas(t *testing.T) {
	l, err := shared.registry.Find("provided.al2023")
	if err != nil {
		t.Fatal(err)
	}
	command, err := l.Command(context.Background(), Function{
		Runtime: "provided.al2023", Handler: "h", Name: "a-b", Version: "$LATEST", Memory: 256, LogGroup: "g", LogStream: "s",
		Initialization: "provisioned-concurrency",
		Variables:      map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "forged", "PATH": "/own", "X": "y=z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"_HANDLER=h", "AWS_REGION=open-1", "AWS_DEFAULT_REGION=open-1", "AWS_LAMBDA_FUNCTION_NAME=a-b", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_LOG_GROUP_NAME=g", "AWS_LAMBDA_LOG_STREAM_NAME=s",
		"AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency", "LANG=en_US.UTF-8", "TZ=:UTC", "PATH=/own", "X=y=z",
	} {
		if !slices.Contains(command.Env, want) {
			t.Errorf("%s is not in %q", want, command.Env)
		}
	}
	if !slices.ContainsFunc(command.Env, func(v string) bool { return strings.HasPrefix(v, "LD_LIBRARY_PATH=") && strings.Contains(v, "/lib") }) {
		t.Errorf("LD_LIBRARY_PATH is not in %q", command.Env)
	}
}

// Go's own default is the number of the host's processors, or two.
func TestAGoProgramHasAsManyProcessorsAsItsMemoryGives(t *testing.T) {
	l, err := shared.registry.Find("provided.al2023")
	if err != nil {
		t.Fatal(err)
	}
	for memory, want := range map[int]string{128: "1", 1769: "1", 1770: "", 3538: ""} {
		for own, want := range map[string]string{"": want, "4": "4"} {
			f := Function{Runtime: "provided.al2023", Memory: memory, Variables: map[string]string{}}
			if own != "" {
				f.Variables["GOMAXPROCS"] = own
			}
			command, err := l.Command(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, v := range command.Env {
				if value, ok := strings.CutPrefix(v, "GOMAXPROCS="); ok {
					got = value
				}
			}
			if got != want {
				t.Errorf("with %d MB and its own %q GOMAXPROCS is %q, want %q", memory, own, got, want)
			}
		}
	}
}
