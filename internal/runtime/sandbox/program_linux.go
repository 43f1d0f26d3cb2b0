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

// The programs of the sandbox's own that run in an instance are written in assembly: a
// few system calls cost a page of memory then, and in Go they would cost megabytes.

const (
	programAddress = 0x400000
	elfHeaderSize  = 64
	elfEntrySize   = 56
	// programContent is where what follows the headers is in memory.
	programContent = programAddress + elfHeaderSize + 2*elfEntrySize
)

// assembled returns the code at an address up to a mark.
func assembled(code unsafe.Pointer, mark string) ([]byte, error) {
	const longest = 1 << 10
	text := unsafe.Slice((*byte)(code), longest)
	length := bytes.Index(text, []byte(mark))
	if length < 0 {
		return nil, errors.New("the code between \"" + mark + "\" and its beginning is damaged in this build")
	}
	return text[:length], nil
}

// staticProgram makes an executable whose content, at programContent, is data and then
// code, where it begins.
func staticProgram(data, code []byte) ([]byte, error) {
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Entry: uint64(programContent + len(data)), Phoff: elfHeaderSize, Ehsize: elfHeaderSize, Phentsize: elfEntrySize, Phnum: 2,
	}
	size := uint64(programContent - programAddress + len(data) + len(code))
	load := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: programAddress, Paddr: programAddress, Filesz: size, Memsz: size, Align: 1 << 16,
	}
	stack := elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W)}
	var program bytes.Buffer
	for _, part := range []any{header, load, stack, data, code} {
		if err := binary.Write(&program, binary.LittleEndian, part); err != nil {
			return nil, err
		}
	}
	return program.Bytes(), nil
}
