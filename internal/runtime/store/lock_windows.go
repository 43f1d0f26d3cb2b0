package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte lies behind the process id, which others may read while it is
// locked.
const lockedByte = 1 << 30

// tryLock locks the file for this process; the lock goes with the process.
func tryLock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{Offset: lockedByte})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}
