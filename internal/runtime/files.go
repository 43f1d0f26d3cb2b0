package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeTokenFile puts the token where the endpoint's users look for it. It is
// left there at the end: the token stays the same.
func writeTokenFile(path, token string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot write the token file: %w", err)
	}
	if err := writeFile(path, []byte(token+"\n")); err != nil {
		return fmt.Errorf("cannot write the token file: %w", err)
	}
	return nil
}

func writeReadyFile(path string, ready Ready) error {
	text, err := json.Marshal(ready)
	if err == nil {
		err = writeFile(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot write --ready-file: %w", err)
	}
	return nil
}

// writeFile replaces a file as a whole: a reader sees the old content or the
// new. Only this user may read it.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
