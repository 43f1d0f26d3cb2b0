package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// A Manifest lists the files of a package, sorted by path. Two packages with
// the same manifest are the same, byte for byte.
type Manifest []File

// A File is one file of a package.
type File struct {
	// Path has slashes and is relative to the package.
	Path string
	// Mode is 0755 for an executable file and 0644 for others.
	Mode fs.FileMode
	// Size in bytes, unpacked.
	Size int64
	// SHA256 of the content.
	SHA256 [sha256.Size]byte
}

// Find returns the file at a path.
func (m Manifest) Find(path string) (File, bool) {
	i, found := slices.BinarySearchFunc(m, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
	if !found {
		return File{}, false
	}
	return m[i], true
}

// UnpackedSize is the size of all files in bytes.
func (m Manifest) UnpackedSize() int64 {
	var size int64
	for _, f := range m {
		size += f.Size
	}
	return size
}

// digest identifies the manifest, and so the package.
func (m Manifest) digest() [sha256.Size]byte {
	h := sha256.New()
	for _, f := range m {
		fmt.Fprintf(h, "%o %x %s\x00", f.Mode, f.SHA256, f.Path)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// fingerprint is a short hash of what a file is, without its path.
func (f File) fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%o %x", f.Mode, f.SHA256)
	return hex.EncodeToString(h.Sum(nil)[:fingerprintBytes])
}

// fingerprintBytes make a change that keeps the fingerprint a matter of one in
// four thousand million; fingerprints only name files for people, and what
// decides is the package's SHA-256.
const fingerprintBytes = 4
