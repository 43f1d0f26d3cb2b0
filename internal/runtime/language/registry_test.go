package language

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnknownAndMissingRuntimesAreRefusedInASentence(t *testing.T) {
	available := strings.Join(shared.registry.Available(), ", ")
	for runtime, want := range map[string]string{
		"ruby3.3":    `runtime "ruby3.3" is not one the open runtime knows; available on this host: ` + available,
		"python3":    `runtime "python3" is not one the open runtime knows; available on this host: ` + available,
		"python2.7":  `runtime "python2.7" is not one the open runtime knows; available on this host: ` + available,
		"":           `runtime "" is not one the open runtime knows; available on this host: ` + available,
		"python3.99": "runtime python3.99 is not available on this host: no python3.99 was found in the interpreter folders, PATH or a version manager's; available: " + available,
		"nodejs98.x": "runtime nodejs98.x is not available on this host: no Node.js 98 was found in the interpreter folders, PATH or a version manager's; available: " + available,
		"java99":     "runtime java99 is not available on this host: no JDK 99 was found in the interpreter folders, PATH or a version manager's; available: " + available,
	} {
		if _, err := shared.registry.Find(runtime); err == nil || err.Error() != want {
			t.Errorf("%s gives %v, not %s", runtime, err, want)
		}
	}
}

func TestAvailableListsWhatFindFinds(t *testing.T) {
	available := shared.registry.Available()
	for _, want := range []string{"provided", "provided.al2", "provided.al2023"} {
		if !slices.Contains(available, want) {
			t.Errorf("%s is not available", want)
		}
	}
	for _, runtime := range available {
		l, err := shared.registry.Find(runtime)
		if err != nil || l.Runtime() != runtime {
			t.Errorf("%s is available, and yet: %v %v", runtime, l, err)
		}
	}
	if !slices.IsSortedFunc(available, compareRuntimes) {
		t.Errorf("%v is not sorted", available)
	}
}

func TestRuntimesSortByNumber(t *testing.T) {
	got := []string{"python3.10", "provided.al2023", "nodejs22.x", "python3.9", "provided", "nodejs18.x", "java21", "provided.al2", "java8.al2"}
	slices.SortFunc(got, compareRuntimes)
	want := "[java21 java8.al2 nodejs18.x nodejs22.x provided provided.al2 provided.al2023 python3.9 python3.10]"
	if fmt.Sprint(got) != want {
		t.Errorf("%v, not %s", got, want)
	}
}

// fakeInterpreter is a script that answers as an interpreter does, and makes the
// file that Python is told to compile to.
func fakeInterpreter(t *testing.T, path, answer string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n[ -z \"$6\" ] || : > \"$6\"\necho '"+answer+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestInterpretersAreFoundWhereTheyAre(t *testing.T) {
	home, given, path := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"PYENV_ROOT", "NVM_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR", "UV_PYTHON_INSTALL_DIR", "FNM_DIR", "VOLTA_HOME", "SDKMAN_DIR", "JAVA_HOME"} {
		t.Setenv(name, "")
	}
	shims := filepath.Join(home, ".pyenv", "shims")
	t.Setenv("PATH", shims+":"+path)
	fakeInterpreter(t, filepath.Join(shims, "python3.61"), "not to be asked")
	fakeInterpreter(t, filepath.Join(path, "node"), "v71.2.3")
	fakeInterpreter(t, filepath.Join(given, "bin", "node"), "v71.9.9")
	fakeInterpreter(t, filepath.Join(given, "other", "bin", "node"), "v72.0.0")
	fakeInterpreter(t, filepath.Join(home, ".nvm/versions/node/v73.1.0/bin/node"), "v73.1.0")
	fakeInterpreter(t, filepath.Join(home, ".nvm/versions/node/v74.0.0/bin/node"), "broken")
	interpreter := filepath.Join(home, ".pyenv/versions/3.61.0/bin/python3.61")
	prefix := filepath.Dir(filepath.Dir(interpreter))
	fakeInterpreter(t, interpreter, strings.Join([]string{"3.61", "3.61.0", interpreter, prefix, prefix, prefix, prefix}, "\n"))
	if err := os.Symlink(interpreter, filepath.Join(path, "python3")); err != nil {
		t.Fatal(err)
	}
	jdk := filepath.Join(home, ".sdkman/candidates/java/66.0.1-tem")
	fakeInterpreter(t, filepath.Join(jdk, "bin", "javac"), "")
	fakeInterpreter(t, filepath.Join(jdk, "bin", "java"), "")
	if err := os.WriteFile(filepath.Join(jdk, "release"), []byte("JAVA_VERSION=\"66.0.1\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	r, err := New(t.Context(), Options{Dir: t.TempDir(), Interpreters: []string{given}})
	if err != nil {
		t.Fatal(err)
	}
	for runtime, want := range map[string]string{
		"nodejs71.x": filepath.Join(given, "bin", "node"), // before PATH
		"nodejs72.x": filepath.Join(given, "other", "bin", "node"),
		"nodejs73.x": filepath.Join(home, ".nvm/versions/node/v73.1.0/bin/node"),
		"python3.61": interpreter,
	} {
		l, err := r.Find(runtime)
		if err != nil {
			t.Error(err)
			continue
		}
		command, err := l.Command(t.Context(), Function{Runtime: runtime, Handler: "a.b", Memory: 128})
		if err != nil || command.Argv[0] != want {
			t.Errorf("%s runs %v, not %s (%v)", runtime, command.Argv, want, err)
		}
		if readable := filepath.Dir(filepath.Dir(want)); !slices.Contains(command.Readable, readable) {
			t.Errorf("%s may read %v, and not %s", runtime, command.Readable, readable)
		}
	}
	if _, err := r.Find("java66"); err != nil {
		t.Error(err)
	}
	if _, err := r.Find("nodejs74.x"); err == nil {
		t.Error("an interpreter that does not tell its version is used")
	}
}

func TestALanguageInstalledLaterIsFound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	synctest.Test(t, func(t *testing.T) {
		r := &Registry{options: Options{Dir: t.TempDir()}}
		if _, err := r.Find("nodejs81.x"); err == nil {
			t.Fatal("nodejs81.x is there before it was installed")
		}
		fakeInterpreter(t, filepath.Join(dir, "node"), "v81.0.0")
		if _, err := r.Find("nodejs81.x"); err == nil {
			t.Error("the host is searched again at once")
		}
		<-time.After(rescanAfter + time.Second)
		if _, err := r.Find("nodejs81.x"); err != nil {
			t.Error(err)
		}
	})
}

func TestNewRefusesFoldersThatAreNotThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := New(t.Context(), Options{Dir: t.TempDir(), Interpreters: []string{missing}}); err == nil ||
		err.Error() != "interpreters folder "+missing+" is not there or not a folder" {
		t.Errorf("it says %v", err)
	}
	if _, err := New(t.Context(), Options{}); err == nil {
		t.Error("a registry needs no folder")
	}
}

func TestAnInterpreterIsAskedOnceHoweverOftenTheHostIsSearched(t *testing.T) {
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	interpreter := filepath.Join(dir, "bin", "node")
	if err := os.Mkdir(filepath.Dir(interpreter), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(interpreter, []byte("#!/bin/sh\necho >> "+asked+"\necho v81.0.0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(interpreter))
	r, err := New(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if available := r.Available(); !slices.Contains(available, "nodejs81.x") {
			t.Fatalf("it is not among %v", available)
		}
		r.mu.Lock()
		r.scan()
		r.mu.Unlock()
	}
	if times, err := os.ReadFile(asked); err != nil || string(times) != "\n" {
		t.Errorf("it was asked %d times (%v)", len(times), err)
	}
}

func TestRuntimeNames(t *testing.T) {
	for name, want := range map[string]bool{
		"nodejs20.x": true, "nodejs22.x": true, "nodejs8.x": false, "nodejs20": false, "python3.8": true, "python3.14": true, "python3.7": false,
		"python3.08": false, "java8": true, "java8.al2": true, "java11": true, "java21": true, "java1": false, "Python3.12": false,
	} {
		if _, ok := programOf(name); ok != want {
			t.Errorf("%s is known: %v, not %v", name, ok, want)
		}
	}
}
