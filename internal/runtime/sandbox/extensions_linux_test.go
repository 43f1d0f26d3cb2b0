package sandbox

import (
	"fmt"
	"strings"
	"testing"
)

// extensionOf runs one of the test's programs beside the function's.
func extensionOf(name, program string, exited func(Exit), args ...string) (Extension, *lines) {
	output := &lines{changed: make(chan struct{})}
	return Extension{
		Name: name, Output: output, Exited: exited,
		Program: Program{Argv: append([]string{Task + "/bootstrap"}, args...), Env: []string{programVariable + "=" + program, "PLACE=" + Task}},
	}, output
}

func TestExtensionsRunBesideTheFunction(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) { runExtensions(t, h, treeOf, 7) })
}

func TestExtensionsRunBesideTheFunctionInAContainer(t *testing.T) {
	eachOCIRuntime(t, func(t *testing.T, s *containers) { runExtensions(t, s, processesOf, 2) })
}

// runExtensions runs three of them. treeOf gives the instance's processes, at least so many.
func runExtensions(t *testing.T, s Sandbox, treeOf func(*running) []int, least int) {
	exited := make(chan Exit, 1)
	short, shortOutput := extensionOf("short", "exit", func(e Exit) { exited <- e })
	long, longOutput := extensionOf("long", "call", nil)
	stays, staysOutput := extensionOf("stays", "family", nil)
	id := ""
	i := startWith(t, s, func(spec *Spec) { spec.Extensions, spec.Memory, id = []Extension{short, long, stays}, 512, spec.ID }, "wait")
	i.says("ready")
	if e := <-exited; e.Code != 7 || e.Signal != "" {
		t.Errorf("the extension ended with %+v", e)
	}
	eventually(t, "the extension reaches the Runtime API", func() bool { return longOutput.String() == "answer "+id+"\n" })
	eventually(t, "the extension has children", func() bool { return staysOutput.String() == "ready\n" })
	if got := i.output.String(); got != "ready\n" || shortOutput.String() != "" {
		t.Errorf("the function's output is %q, the extension's %q", got, shortOutput)
	}
	tree := treeOf(i)
	if len(tree) < least {
		t.Fatalf("there are %d processes, not the function, an extension and its five", len(tree))
	}
	select {
	case <-i.Done():
		t.Fatalf("the instance ended with its extension: %+v", i.Exit())
	default:
	}
	i.Kill()
	i.ended()
	for _, pid := range tree {
		if alive(pid) {
			t.Errorf("process %d outlived its instance", pid)
		}
	}
}

func TestAnExtensionIsNotTakenForTheInterpreterThatWaits(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	warm := warmly(t, "extended")
	for range 5 {
		caller, output := extensionOf("caller", "call", nil)
		i := startWith(t, h, func(s *Spec) {
			warm(s)
			s.Extensions = []Extension{caller}
		}, "")
		id := i.Instance.(*instance).spec.ID
		if got := i.says("event "); got != id {
			t.Errorf("the function's event is %q, want %q", got, id)
		}
		eventually(t, "the extension reaches the Runtime API", func() bool { return output.String() == "answer "+id+"\n" })
		i.Kill()
		i.ended()
	}
}

func TestAnExtensionThatCannotBeExecutedIsToldInASentence(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) { loseExtension(t, h) })
	eachOCIRuntime(t, func(t *testing.T, s *containers) { loseExtension(t, s) })
}

func loseExtension(t *testing.T, s Sandbox) {
	good, _ := extensionOf("good", "wait", nil)
	lost, _ := extensionOf("lost", "wait", nil)
	lost.Argv = []string{Task + "/extensions/lost"}
	i := startWith(t, s, func(spec *Spec) { spec.Extensions = []Extension{good, lost} }, "wait")
	if e := i.ended(); !strings.HasPrefix(e.StartError, "extension lost: lost is missing") {
		t.Errorf("exit is %+v", e)
	}
	if got := i.output.String(); got != "" {
		t.Errorf("the function ran: %q", got)
	}
}

func TestThereAreAsManyExtensionsAsOnLambda(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	var extensions []Extension
	for n := range maxExtensions {
		e, _ := extensionOf(fmt.Sprint(n), "wait", nil)
		extensions = append(extensions, e)
	}
	i := startWith(t, h, func(s *Spec) { s.Extensions, s.Memory = extensions, 1024 }, "wait")
	i.says("ready")
	spec := i.Instance.(*instance).spec
	spec.ID, spec.Extensions = "more", append(extensions, extensions[0])
	if _, err := h.Start(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "at most 10 are possible") {
		t.Errorf("starting eleven extensions: %v", err)
	}
}
