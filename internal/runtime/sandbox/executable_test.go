package sandbox

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// program returns a Linux program as far as its headers go.
func program(machine elf.Machine, interpreter string) string {
	const headers = 64 + 56
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
			Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
		},
		elf.Prog64{Type: uint32(elf.PT_INTERP), Off: headers, Filesz: uint64(len(interpreter) + 1)},
		[]byte(interpreter + "\x00"),
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	return b.String()
}

func TestWhyAProgramCannotBeExecuted(t *testing.T) {
	own, other := hostMachine[runtime.GOARCH], elf.EM_RISCV
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"not executable":     {"#!/bin/sh\n", 0o644, "is not executable (mode 0644); make it so before packaging (chmod +x)"},
		"private":            {"#!/bin/sh\n", 0o700, "cannot be read and executed by the function's user (mode 0700); it needs 0755"},
		"empty":              {"", 0o755, "is empty"},
		"text":               {"echo hello\n", 0o755, "is neither a Linux program nor a script that begins with #!"},
		"no interpreter":     {"#!/no/such/shell -e\n", 0o755, `asks for the interpreter "/no/such/shell", which is not there`},
		"written on Windows": {"#!/bin/sh\r\necho\r\n", 0o755, "begins with a line that ends in a carriage return; store it with Unix line ends"},
		"other architecture": {program(other, "/lib/ld.so"), 0o755, "is built for riscv; this host is " + machines[own]},
		"other C library":    {program(own, "/lib/ld-none.so.1"), 0o755, "needs the dynamic loader /lib/ld-none.so.1, which is not there; link it statically (for Go: CGO_ENABLED=0)"},
		"cut off":            {program(own, "/lib/ld.so")[:30], 0o755, "is a damaged Linux program"},
		"good script":        {"#!/bin/sh\n", 0o755, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bootstrap")
			if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			if got := whyNotExecutable(path); got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
	if got := whyNotExecutable(filepath.Join(t.TempDir(), "bootstrap")); got != "is missing: the package has no such file" {
		t.Errorf("of a missing program it says %q", got)
	}
	if got := whyNotExecutable(t.TempDir()); got != "is a folder; it must be an executable file" {
		t.Errorf("of a folder it says %q", got)
	}
}

func FuzzWhyNotExecutable(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte("#!"))
	f.Add([]byte(program(elf.EM_X86_64, "/lib/ld.so")))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "bootstrap")
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
		if reason := whyNotExecutable(path); strings.Contains(reason, "\n") {
			t.Errorf("the reason is no sentence: %q", reason)
		}
	})
}
