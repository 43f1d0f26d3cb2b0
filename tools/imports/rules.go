package main

// A rule says what a folder, with everything below it, may import of Tidegate.
// Allowing only direct imports is enough: every folder has a rule.
type rule struct {
	folder string
	// may names the folders it may import besides itself.
	may []string
	// tests names further folders that its tests may import.
	tests []string
	// never names packages of the standard library that all but its tests do without.
	never []string
}

// model is what both sides, provider and runtime, are built on.
var model = []string{"internal/stack", "internal/pack", "internal/release"}

// ioPackages are what a package without input and output does without.
var ioPackages = []string{"os", "os/exec", "net", "net/http", "syscall"}

// rules is the house's layout (docs/design.md): the provider never knows the
// runtime, the runtime never the provider; they meet in the model and in HTTP.
// The most specific folder holds; "" is the module's root.
var rules = []rule{
	{folder: "internal/stack", may: model, never: ioPackages},
	{folder: "internal/release", may: model, never: ioPackages},
	{folder: "internal/pack", may: model},
	{folder: "internal/target", may: model, tests: harness},
	{folder: "provider", may: with(model, "internal/target"), tests: harness},
	{folder: "internal/runtime", may: model, tests: harness},
	{folder: "internal/runtime/deploy", may: with(model, "internal/runtime/store"), never: ioPackages},
	{folder: "internal/runtime/rollout", may: with(model, "internal/runtime/deploy", "internal/runtime/invoke", "internal/runtime/store"), never: ioPackages},
	{folder: "internal/runtime/sandbox/confine"},
	{folder: "internal/runtime/sandbox/gateway", may: []string{"internal/runtime/sandbox/confine"}},
	{folder: "internal/cli", may: with(model, "internal/target", "internal/runtime", "provider"), tests: harness},
	{folder: "", may: []string{"internal/cli", "internal/runtime", "provider"}},

	// What runs the built programs knows them from outside only.
	{folder: "internal/harness"},
	{folder: "internal/awswire", tests: harness},
	{folder: "internal/acctest", may: []string{"internal/harness", "internal/awswire"}, tests: model},
	{folder: "internal/acctest/hostile", may: []string{"internal/harness"}, tests: harness},
	{folder: "internal/acctest/conformance", tests: with(model, "internal/acctest", "internal/harness")},
	{folder: "internal/acctest/release", tests: with(model, "internal/acctest", "internal/harness")},
	{folder: "internal/acctest/soak", may: []string{"internal/harness"}, tests: harness},
	{folder: "internal/demo", may: []string{"internal/harness"}, tests: harness},
	{folder: "internal/bench", may: harness},
}

// harness is what starts the real programs for tests, and stands between them.
var harness = []string{"internal/acctest", "internal/harness", "internal/awswire"}

func with(folders []string, more ...string) []string {
	return append(append([]string{}, folders...), more...)
}
