//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"runtime"
	"unsafe"
)

// The first process of a pid namespace has duties a function does not know of:
// it inherits the orphans and must reap them, and signals without a handler do
// not reach it. It alone, too, can mount the namespace's /proc before there is
// anybody else. So every instance has such a first process besides the function:
// a few system calls in a program of a few hundred bytes, which cost two pages
// of memory. In Go, or any language with a runtime, it would be megabytes.
//
// Its source is init_amd64.s and init_arm64.s; here it becomes a program.

//lint:ignore U1000 its address is taken in init_*.s
func initCode()

func initCodeAddress() unsafe.Pointer

// initCodeEnd marks the end of the code: "init end" in init_*.s.
var initCodeEnd = []byte("init end")

// initProgram returns the program, to be executed as {"proc", folder}: it mounts
// the /proc of its pid namespace there, gives up its capabilities, writes a byte to
// standard output (0, or why it could not mount), and from then on sleeps and
// reaps.
func initProgram() ([]byte, error) {
	const longest = 1 << 10
	code := unsafe.Slice((*byte)(initCodeAddress()), longest)
	length := bytes.Index(code, initCodeEnd)
	if length < 0 {
		return nil, errors.New("the instances' first process is damaged in this build")
	}
	const (
		loadAt     = 0x400000
		headerSize = 64
		entrySize  = 56
		codeAt     = headerSize + 2*entrySize
	)
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Entry: loadAt + codeAt, Phoff: headerSize, Ehsize: headerSize, Phentsize: entrySize, Phnum: 2,
	}
	size := uint64(codeAt + length)
	load := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: loadAt, Paddr: loadAt, Filesz: size, Memsz: size, Align: 1 << 16,
	}
	stack := elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W)}
	var program bytes.Buffer
	for _, part := range []any{header, load, stack, code[:length]} {
		if err := binary.Write(&program, binary.LittleEndian, part); err != nil {
			return nil, err
		}
	}
	return program.Bytes(), nil
}
