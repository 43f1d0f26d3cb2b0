package store

import "golang.org/x/sys/windows"

// diskSpace returns how many bytes are free for this process on the disk of a
// folder, and how many the disk has.
func diskSpace(dir string) (free, total int64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var available, size uint64
	if err := windows.GetDiskFreeSpaceEx(path, &available, &size, nil); err != nil {
		return 0, 0, err
	}
	return int64(available), int64(size), nil
}
