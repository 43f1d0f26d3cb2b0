package pack

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxUnpacked is what Lambda allows a package to unpack to, in bytes: 250 MB.
// A package is smaller than that. See
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const MaxUnpacked = 250 << 20

// Options of Open.
type Options struct {
	// Limit in bytes on what the package unpacks to; 0 means MaxUnpacked.
	Limit int64
}

// A Package is what a source becomes when it is deployed. It keeps no files
// open and no content in memory: Open makes the same bytes again. Its methods
// may be called at the same time.
type Package struct {
	source   string
	members  []member
	manifest Manifest
	zipped   zipped
}

// Open packages a folder or a zip. Errors are one sentence that names the
// source and the path in it.
//
// Every call reads every file, since times do not tell whether a file changed.
// What is expensive, compressing, is done once in a process for the same
// content.
func Open(source string, o Options) (*Package, error) {
	p, err := open(source, o)
	if err != nil {
		return nil, sourceError(source, err)
	}
	return p, nil
}

func open(source string, o Options) (*Package, error) {
	t, err := openTree(source)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	p := &Package{source: source}
	if p.members, p.manifest, err = scan(t, o); err != nil {
		return nil, err
	}
	p.zipped, err = p.measure(t)
	return p, err
}

// Size of the zip in bytes.
func (p *Package) Size() int64 { return p.zipped.size }

// UnpackedSize is the size of its files in bytes.
func (p *Package) UnpackedSize() int64 { return p.manifest.UnpackedSize() }

// CodeSHA256 is the SHA-256 of the zip in standard base64, as Lambda writes it.
func (p *Package) CodeSHA256() string { return base64.StdEncoding.EncodeToString(p.zipped.sha256[:]) }

// Manifest lists the files. It must not be changed.
func (p *Package) Manifest() Manifest { return p.manifest }

// Open returns the zip from its beginning. Reading fails with a *ChangedError
// if the source is not what it was when the package was opened; no reader gets
// to the end of other bytes than CodeSHA256 says.
func (p *Package) Open() (io.ReadCloser, error) {
	t, err := openTree(p.source)
	if err != nil {
		return nil, sourceError(p.source, err)
	}
	r, w := io.Pipe()
	go func() {
		err := p.write(w, t)
		if err != nil {
			err = sourceError(p.source, err)
		}
		t.Close()
		w.CloseWithError(err)
	}()
	return r, nil
}

// A ChangedError says that a file changed after its package was opened.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return e.Path + " changed while it was packaged; try again when nothing writes to it"
}

// openTree looks at what a source is.
func openTree(source string) (tree, error) {
	info, err := os.Stat(source)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("does not exist")
	case err != nil:
		return nil, unreadable("", err)
	case info.IsDir():
		f, err := openFolder(source)
		if err != nil {
			return nil, unreadable("", err)
		}
		return f, nil
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("is %s; a source is a folder or a zip", special(info.Mode()))
	}
	z, err := openZipFile(source)
	switch {
	case errors.Is(err, errNotZip):
		return nil, errors.New("is neither a folder nor a zip; a single file goes into a folder of its own")
	case errors.Is(err, fs.ErrPermission):
		return nil, unreadable("", err)
	case err != nil:
		return nil, err
	}
	return z, nil
}

// scan lists the files of a tree and hashes them.
func scan(t tree, o Options) ([]member, Manifest, error) {
	if o.Limit == 0 {
		o.Limit = MaxUnpacked
	}
	var ignore ignoreList
	if _, isFolder := t.(*folder); isFolder {
		var err error
		if ignore, err = readIgnoreList(t); err != nil {
			return nil, nil, err
		}
	}
	members, err := walk(t, ignore, o.Limit)
	if err != nil {
		return nil, nil, err
	}
	manifest := make(Manifest, 0, len(members))
	left := o.Limit
	buffer := make([]byte, chunk)
	for _, m := range members {
		f, err := hashMember(t, m, left, buffer)
		if err != nil {
			return nil, nil, err
		}
		// What a zip's directory says, or a file that grows, is not to be trusted.
		if left -= f.Size; left <= 0 {
			return nil, nil, tooLarge(o.Limit)
		}
		manifest = append(manifest, f)
	}
	return members, manifest, nil
}

// hashMember reads a file, up to a byte more than limit.
func hashMember(t tree, m member, limit int64, buffer []byte) (File, error) {
	r, err := t.open(m.real)
	if err != nil {
		return File{}, unreadable(m.path, err)
	}
	defer r.Close()
	h, begin := sha256.New(), &head{}
	n, err := io.CopyBuffer(io.MultiWriter(h, begin), io.LimitReader(r, limit+1), buffer)
	if err != nil {
		return File{}, unreadable(m.path, err)
	}
	mode := m.mode
	if mode == modeUnknown {
		mode = begin.mode()
	}
	f := File{Path: m.path, Mode: 0o644, Size: n}
	if mode == modeExecutable {
		f.Mode = 0o755
	}
	h.Sum(f.SHA256[:0])
	return f, nil
}

func sourceError(source string, err error) error {
	return fmt.Errorf("source %q: %w", source, err)
}
