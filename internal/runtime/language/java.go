package language

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// java runs Java with one feature release of the JDK. The bootstrap comes as
// source and is compiled by the JDK that runs it, once.
type java struct {
	runtime string // "java21"
	home    string // the JDK's folder
	dir     string // where sources and classes of bootstraps are

	// prepare compiles the bootstrap, or returns the folder of its classes if that
	// has been done.
	prepare func(context.Context) (string, error)
	// readable are the host paths that the JDK needs.
	readable func() []string
}

// javaVersion finds the version in a JDK's file "release": 1.8.0_412, 21.0.3, 25.
var javaVersion = regexp.MustCompile(`(?m)^JAVA_VERSION="(?:1\.)?([0-9]+)[^"]*"`)

func findJava(p places, _ *probeCache, dir string) []Language {
	var languages []Language
	for _, compiler := range p.executables(func(name string) bool { return name == "javac" }) {
		home := filepath.Dir(filepath.Dir(compiler))
		release, err := os.ReadFile(filepath.Join(home, "release"))
		if err != nil {
			continue
		}
		m := javaVersion.FindSubmatch(release)
		if m == nil {
			continue
		}
		runtime := "java" + string(m[1])
		if runtime == "java8" {
			runtime = "java8.al2"
		}
		if slices.ContainsFunc(languages, func(l Language) bool { return l.Runtime() == runtime }) {
			continue
		}
		j := &java{runtime: runtime, home: home, dir: filepath.Join(dir, "java")}
		j.prepare = onceSucceeded(func(ctx context.Context) (string, error) { return j.compile(ctx, release) })
		j.readable = sync.OnceValue(func() []string { return withLinkTargets(j.home) })
		languages = append(languages, j)
	}
	return languages
}

func (j *java) Runtime() string { return j.runtime }

func (j *java) Command(ctx context.Context, f Function) (Command, error) {
	classes, err := j.prepare(ctx)
	if err != nil {
		return Command{}, err
	}
	classPath := strings.Join([]string{
		sandbox.Runtime, sandbox.Task, sandbox.Task + "/*", sandbox.Task + "/lib/*", sandbox.Layers + "/java/lib/*",
	}, ":")
	return Command{
		// Lambda's own choice: 85 % of the memory for the heap, the collector and the
		// compiler that start fastest.
		Argv: []string{
			filepath.Join(j.home, "bin", "java"),
			fmt.Sprintf("-Xmx%dm", f.Memory*85/100), "-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			// Whatever the host's locales: before and since Java 18.
			"-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8",
			"-cp", classPath, "io.tidegate.bootstrap.Bootstrap",
		},
		Env:        environment(f, map[string]string{"JAVA_HOME": j.home, "PATH": searchPath(filepath.Join(j.home, "bin"))}),
		Readable:   j.readable(),
		RuntimeDir: classes,
	}, nil
}

// compile compiles the bootstrap into a folder named after what goes into it, or
// finds that done by an earlier process.
func (j *java) compile(ctx context.Context, release []byte) (string, error) {
	source, err := bootstraps.ReadFile("java/Bootstrap.java")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(append([]byte(j.home+"\n"), release...), source...))
	classes := filepath.Join(j.dir, "classes-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(classes); err == nil {
		return classes, nil
	}
	temporary, err := os.MkdirTemp(j.dir, ".new-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)
	if err := os.Chmod(temporary, 0o755); err != nil { // instances have other users
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(j.home, "bin", "javac"),
		"-J-XX:TieredStopAtLevel=1", "-nowarn", "-proc:none", "-encoding", "UTF-8",
		"-d", temporary, filepath.Join(j.dir, "Bootstrap.java"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the bootstrap of %s could not be compiled by %s: %w\n%s", j.runtime, cmd.Path, err, bytes.TrimSpace(output.Bytes()))
	}
	if err := os.Rename(temporary, classes); err != nil {
		if _, statErr := os.Stat(classes); statErr != nil { // another process was not faster
			return "", err
		}
	}
	return classes, nil
}

// onceSucceeded calls f until it has succeeded once, one call at a time.
func onceSucceeded(f func(context.Context) (string, error)) func(context.Context) (string, error) {
	var mu sync.Mutex
	var result string
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if result != "" {
			return result, nil
		}
		made, err := f(ctx)
		if err == nil {
			result = made
		}
		return made, err
	}
}

// withLinkTargets returns the folder and what links in it lead to outside of
// it: distributions keep a JDK's configuration and certificates in /etc.
func withLinkTargets(home string) []string {
	paths := []string{home}
	_ = filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return nil // what cannot be read here, an instance cannot need
		}
		target, err := filepath.EvalSymlinks(path)
		if err == nil && !strings.HasPrefix(target, home+"/") && !slices.Contains(paths, target) {
			paths = append(paths, target)
			// The link may lead there by way of others.
			if direct, err := os.Readlink(path); err == nil && filepath.IsAbs(direct) && !slices.Contains(paths, direct) {
				paths = append(paths, direct)
			}
		}
		return nil
	})
	return paths
}
