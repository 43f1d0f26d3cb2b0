package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Format is the newest layout of the data folder and of the buckets that this
// program reads and writes.
const Format = 1

var errLocked = errors.New("locked by another process")

// openFolder makes the data folder if need be, locks it and checks its format.
// The lock lasts until the file is closed.
func openFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot use data folder %s: %w", dir, err)
	}
	if err := lockFolder(dir, lock); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

func lockFolder(dir string, lock *os.File) error {
	if err := tryLock(lock); errors.Is(err, errLocked) {
		holder, _ := io.ReadAll(io.LimitReader(lock, 32))
		pid := strings.TrimSpace(string(holder))
		if pid == "" {
			pid = "of unknown id"
		}
		return fmt.Errorf("data folder %s is in use by process %s: stop that one, or choose another folder with --data-dir", dir, pid)
	} else if err != nil {
		return fmt.Errorf("cannot lock data folder %s: %w", dir, err)
	}
	if err := checkFolderFormat(dir); err != nil {
		return err
	}
	if err := lock.Truncate(0); err != nil {
		return err
	}
	if _, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return err
	}
	return nil
}

// checkFolderFormat refuses a folder that a newer version of Tidegate wrote,
// and marks a new one. It goes before anything that could change the folder.
func checkFolderFormat(dir string) error {
	path := filepath.Join(dir, "format")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return writeFileAtomically(path, []byte(strconv.Itoa(Format)+"\n"))
	}
	if err != nil {
		return fmt.Errorf("cannot read the format of data folder %s: %w", dir, err)
	}
	return checkFormat("data folder "+dir, string(text))
}

// checkFormat tells whether this program can use what was written in a format.
func checkFormat(what, text string) error {
	format, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || format < 1 {
		return fmt.Errorf("%s says its format is %.20q, which is no number: it is not Tidegate's, or damaged", what, strings.TrimSpace(text))
	}
	if format > Format {
		return fmt.Errorf("%s was written by a newer version of Tidegate (format %d; this version reads up to %d); "+
			"nothing was changed: use the newer version, or another place", what, format, Format)
	}
	return nil
}

// writeFileAtomically leaves either the whole file or none.
func writeFileAtomically(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
