package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// PulumiRoot returns the folder with bin/pulumi, as tools/pulumi/programs builds it.
func PulumiRoot(ctx context.Context) (string, error) { return pulumiTool(ctx, "programs") }

// PulumiNode returns a folder node_modules with the SDK for Node.js, as tools/pulumi/node
// makes it.
func PulumiNode(ctx context.Context) (string, error) { return pulumiTool(ctx, "node") }

// PulumiPython returns a Python that has Pulumi's package, and the PYTHONPATH with the SDK,
// as tools/pulumi/python makes them.
func PulumiPython(ctx context.Context) (python, path string, err error) {
	out, err := pulumiTool(ctx, "python")
	python, path, _ = strings.Cut(out, "\n")
	return python, path, err
}

// pulumiTools remembers for the rest of the process what the tools have printed.
var pulumiTools struct {
	sync.Mutex
	printed map[string]string
}

func pulumiTool(ctx context.Context, name string) (string, error) {
	pulumiTools.Lock()
	defer pulumiTools.Unlock()
	if out, ok := pulumiTools.printed[name]; ok {
		return out, nil
	}
	out, err := runPulumiTool(ctx, name)
	if err == nil {
		if pulumiTools.printed == nil {
			pulumiTools.printed = map[string]string{}
		}
		pulumiTools.printed[name] = out
	}
	return out, err
}

func runPulumiTool(ctx context.Context, name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(root, "tools", "pulumi", name)).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("tools/pulumi/%s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// PulumiPlugin returns the path of the built pulumi-resource-tidegate of this tree.
func PulumiPlugin(ctx context.Context) (string, error) {
	builtPlugin.Lock()
	defer builtPlugin.Unlock()
	if builtPlugin.path != "" {
		return builtPlugin.path, nil
	}
	const name = "pulumi-resource-tidegate"
	path, err := buildIn(ctx, filepath.Join("sdk", "bridge"), []string{"-ldflags", "-s -w"}, name, "./cmd/"+name)
	builtPlugin.path = path
	return path, err
}

// builtPlugin remembers the plugin for the rest of the process, as built does the program.
var builtPlugin struct {
	sync.Mutex
	path string
}

// PulumiEnv prepares dir for Pulumi, with state in files and the plugin installed, and
// returns the variables that its command line runs with, "NAME=value", beyond the
// process's own.
func PulumiEnv(ctx context.Context, dir string) ([]string, error) {
	plugin, err := PulumiPlugin(ctx)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, plugin, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", plugin, err)
	}
	home := filepath.Join(dir, ".pulumi")
	installed := filepath.Join(home, "plugins", "resource-tidegate-v"+strings.TrimSpace(string(out)))
	state := filepath.Join(dir, ".state")
	for _, folder := range []string{installed, state} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.Symlink(plugin, filepath.Join(installed, filepath.Base(plugin))); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return []string{
		"PULUMI_HOME=" + home,
		"PULUMI_BACKEND_URL=file://" + state,
		"PULUMI_CONFIG_PASSPHRASE=passphrase",
		"PULUMI_SKIP_UPDATE_CHECK=1",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=1",
	}, nil
}
