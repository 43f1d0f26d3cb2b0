//go:build unix

package store

import "golang.org/x/sys/unix"

// diskSpace returns how many bytes are free for this process on the disk of a
// folder, and how many the disk has.
func diskSpace(dir string) (free, total int64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), int64(stat.Blocks) * int64(stat.Bsize), nil
}
