package language

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed node/*.cjs python/bootstrap.py java/*.java
var bootstraps embed.FS

// writeBootstraps puts the bootstraps under dir, one folder per language, each
// file whole or not at all: instances that run keep the file they opened.
func writeBootstraps(dir string) error {
	return fs.WalkDir(bootstraps, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := bootstraps.ReadFile(path)
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(dir, path), content)
	})
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(content); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Chmod(0o444); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
