package language

import (
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

// java runs Java with one major version of the JDK. A runtime without a compiler
// does not do: the bootstrap is compiled by the JDK that runs it.
type java struct {
	runtime string
	home    string // the JDK's folder
	version string // "17.0.15+6"
	sources string // the folder of the bootstrap's sources
	// classes is where compiled bootstraps are kept, one folder per source and JDK.
	classes string

	// readable are the host paths that the JDK needs.
	readable func() []string

	// compiling has the compiler run once, also for a thousand instances at once.
	compiling sync.Mutex
	compiled  string
}

// "JAVA_VERSION="17.0.15"" in the file that every JDK has.
var javaRelease = regexp.MustCompile(`(?m)^JAVA_VERSION="(1\.)?([0-9]+)([^"]*)"`)

func findJava(p places, _ *probeCache, dir string) []Language {
	var languages []Language
	seen := map[string]bool{}
	for _, compiler := range p.executables(func(name string) bool { return name == "javac" }) {
		home := filepath.Dir(filepath.Dir(compiler))
		release, err := os.ReadFile(filepath.Join(home, "release"))
		if err != nil {
			continue
		}
		m := javaRelease.FindStringSubmatch(string(release))
		if m == nil || seen[m[2]] {
			continue
		}
		if _, err := os.Stat(filepath.Join(home, "bin", "java")); err != nil {
			continue
		}
		seen[m[2]] = true
		name := "java" + m[2]
		if m[2] == "8" {
			name = "java8.al2" // as Lambda calls it today
		}
		if !javaRuntime.MatchString(name) {
			continue
		}
		languages = append(languages, &java{
			runtime: name, home: home, version: m[1] + m[2] + m[3],
			sources: filepath.Join(dir, "java"), classes: filepath.Join(dir, "java-classes"),
			readable: sync.OnceValue(func() []string { return withLinkTargets(home) }),
		})
	}
	return languages
}

func (j *java) Runtime() string { return j.runtime }

func (j *java) Command(ctx context.Context, f Function) (Command, error) {
	classes, err := j.compile(ctx)
	if err != nil {
		return Command{}, err
	}
	const classPath = sandbox.Runtime + ":" + sandbox.Task + ":" + sandbox.Task + "/*:" + sandbox.Task + "/lib/*:" + sandbox.Layers + "/java/lib/*"
	return Command{
		Argv: wrapped(f, []string{
			filepath.Join(j.home, "bin", "java"),
			// As Lambda has them: https://docs.aws.amazon.com/lambda/latest/dg/java-customization.html
			fmt.Sprintf("-XX:MaxHeapSize=%dk", f.Memory*1024*85/100),
			"-XX:+UseSerialGC",
			"-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1",
			"-Xshare:auto",
			// No files in /tmp for tools of the host to find.
			"-XX:-UsePerfData",
			// Whatever the host's locales: before and since Java 18.
			"-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8",
			"-cp", classPath, "tidegate.Bootstrap",
		}),
		Env:        environment(f, map[string]string{"JAVA_HOME": j.home, "PATH": searchPath(filepath.Join(j.home, "bin"))}),
		Version:    "java:" + j.version,
		Readable:   j.readable(),
		RuntimeDir: classes,
	}, nil
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

// compile returns the folder of the compiled bootstrap.
func (j *java) compile(ctx context.Context) (string, error) {
	j.compiling.Lock()
	defer j.compiling.Unlock()
	if j.compiled != "" {
		return j.compiled, nil
	}
	sources, err := filepath.Glob(filepath.Join(j.sources, "*.java"))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, j.home, j.version)
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(hash, source, len(text))
		hash.Write(text)
	}
	classes := filepath.Join(j.classes, hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(classes); err != nil {
		if err := j.compileTo(ctx, classes, sources); err != nil {
			return "", err
		}
	}
	j.compiled = classes
	return classes, nil
}

// compileTo makes the folder whole or not at all.
func (j *java) compileTo(ctx context.Context, classes string, sources []string) error {
	if err := os.MkdirAll(filepath.Dir(classes), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(classes), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	arguments := append([]string{"-J-XX:TieredStopAtLevel=1", "-encoding", "UTF-8", "-nowarn", "-proc:none", "-d", fresh}, sources...)
	out, err := exec.CommandContext(ctx, filepath.Join(j.home, "bin", "javac"), arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("compile the java bootstrap with %s/bin/javac: %w: %s", j.home, err, strings.TrimSpace(string(out)))
	}
	if err := filepath.WalkDir(fresh, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	}); err != nil {
		return err
	}
	if err := os.Rename(fresh, classes); err != nil {
		if _, exists := os.Stat(classes); exists == nil {
			return nil // another process was faster
		}
		return err
	}
	return nil
}
