package pack

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"

	// Not the standard library's: a newer Go may compress in another way, and then
	// every function everywhere would seem to have changed.
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"
)

const (
	// level of compression. Changing it changes every package's hash.
	level = 5
	// modified is 1980-01-01 00:00:00 as zips write it, their first date.
	modified = 1<<5 | 1
	// chunk is how much the compressor is given at once. It is always the same,
	// so that the bytes do not depend on how reads happen to be cut.
	chunk = 64 << 10
)

// zipped is what is known of a package's zip.
type zipped struct {
	sha256 [sha256.Size]byte
	size   int64
}

// measured remembers the zips of manifests this process has seen. A manifest
// decides every byte of its zip, so that an entry is right for ever.
var measured sync.Map // [sha256.Size]byte -> zipped

// measure finds out hash and size of the package's zip, which takes writing it.
func (p *Package) measure(t tree) (zipped, error) {
	key := p.manifest.digest()
	if z, ok := measured.Load(key); ok {
		return z.(zipped), nil
	}
	w := &measuringWriter{hash: sha256.New()}
	if err := p.write(w, t); err != nil {
		return zipped{}, err
	}
	z := zipped{sha256: [sha256.Size]byte(w.hash.Sum(nil)), size: w.size}
	measured.Store(key, z)
	return z, nil
}

type measuringWriter struct {
	hash hash.Hash
	size int64
}

func (w *measuringWriter) Write(b []byte) (int, error) {
	w.size += int64(len(b))
	return w.hash.Write(b)
}

// write writes the package's zip: files only, in order of their paths, with a
// fixed time, two modes, and no extra fields. Every file must still be what the
// manifest says.
func (p *Package) write(w io.Writer, t tree) error {
	z := zip.NewWriter(w)
	var compressor *flate.Writer
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		if compressor == nil {
			var err error
			compressor, err = flate.NewWriter(w, level)
			return compressor, err
		}
		compressor.Reset(w)
		return compressor, nil
	})
	buffer := make([]byte, chunk)
	for i, f := range p.manifest {
		//lint:ignore SA1019 Modified would write an extra field beside the date.
		header := &zip.FileHeader{Name: f.Path, Method: zip.Deflate, ModifiedDate: modified}
		header.SetMode(f.Mode)
		if f.Size == 0 {
			header.Method = zip.Store
		}
		entry, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if err := copyMember(entry, t, p.members[i], f, buffer); err != nil {
			return err
		}
	}
	return z.Close()
}

// copyMember copies a file in chunks of always the same size.
func copyMember(w io.Writer, t tree, m member, want File, buffer []byte) error {
	r, err := t.open(m.real)
	if err != nil {
		return unreadable(m.path, err)
	}
	defer r.Close()
	h := sha256.New()
	for left := want.Size; ; {
		n, err := io.ReadFull(r, buffer)
		if left -= int64(n); left < 0 {
			return &ChangedError{m.path}
		}
		h.Write(buffer[:n])
		if _, err := w.Write(buffer[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return unreadable(m.path, err)
		}
	}
	if !bytes.Equal(h.Sum(nil), want.SHA256[:]) {
		return &ChangedError{m.path}
	}
	return nil
}
