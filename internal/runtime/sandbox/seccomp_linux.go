package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter lets through the system calls that programs and the runtimes of languages
// need, and refuses all others. The kernel has bugs, and every call that a function
// cannot make is one whose bugs it cannot use; and some calls use up what the whole host
// has in common without any limit (seccomp_calls_linux.go says which, call by call).

// A verdict is what becomes of a system call: a return value of a seccomp filter.
type verdict uint32

const (
	allow  verdict = unix.SECCOMP_RET_ALLOW
	deny           = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	absent         = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
	// pretend answers with success and does nothing.
	pretend verdict = unix.SECCOMP_RET_ERRNO
	kill    verdict = unix.SECCOMP_RET_KILL_PROCESS
)

func refuse(errno unix.Errno) verdict { return verdict(unix.SECCOMP_RET_ERRNO | uint32(errno)) }

// A ruling is what becomes of one system call: that of the first case whose conditions
// all hold, else otherwise.
type ruling struct {
	cases     []rulingCase
	otherwise verdict
}

type rulingCase struct {
	when []condition
	then verdict
}

// A condition compares 32 bits of an argument: the upper ones if high, else the lower,
// of which those in mask count. The kernel reads no more of the arguments of the type
// int, so that what is in the other half means nothing.
type condition struct {
	argument int
	high     bool
	mask     uint32 // 0 means all
	test     bpf.JumpTest
	value    uint32
}

// argument begins a condition on the lower half of an argument.
func argument(n int) condition { return condition{argument: n} }

func (c condition) masked(mask uint32) condition { c.mask = mask; return c }

func (c condition) is(value uint32) condition {
	c.test, c.value = bpf.JumpEqual, value
	return c
}

func (c condition) isNot(value uint32) condition {
	c.test, c.value = bpf.JumpNotEqual, value
	return c
}

// has holds if any of the bits is set.
func (c condition) has(bits uint32) condition {
	c.test, c.value = bpf.JumpBitsSet, bits
	return c
}

// only rules that a call is allowed if one of the arguments has one of the values.
func only(argument condition, otherwise verdict, values ...uint32) ruling {
	r := ruling{otherwise: otherwise}
	for _, v := range values {
		r.cases = append(r.cases, rulingCase{[]condition{argument.is(v)}, allow})
	}
	return r
}

// unless rules that a call is allowed unless the conditions of one case hold.
func unless(cases ...rulingCase) ruling { return ruling{cases: cases, otherwise: allow} }

// Offsets in struct seccomp_data (linux/seccomp.h).
const (
	numberOffset       = 0
	architectureOffset = 4
	argumentsOffset    = 16
)

func (c condition) offset() uint32 {
	offset := uint32(argumentsOffset + 8*c.argument) // little-endian, as amd64 and arm64 are
	if c.high {
		offset += 4
	}
	return offset
}

func (r ruling) compile() []bpf.Instruction {
	program := []bpf.Instruction{bpf.RetConstant{Val: uint32(r.otherwise)}}
	for _, c := range slices.Backward(r.cases) {
		program = slices.Concat(c.compile(), program)
	}
	return program
}

// compile goes on after its end where a condition does not hold.
func (c rulingCase) compile() []bpf.Instruction {
	program := []bpf.Instruction{bpf.RetConstant{Val: uint32(c.then)}}
	for _, when := range slices.Backward(c.when) {
		test := []bpf.Instruction{bpf.LoadAbsolute{Off: when.offset(), Size: 4}}
		if when.mask != 0 {
			test = append(test, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: when.mask})
		}
		test = append(test, bpf.JumpIf{Cond: when.test, Val: when.value, SkipFalse: uint8(len(program))})
		program = append(test, program...)
	}
	return program
}

// A span is consecutive numbers of system calls with one ruling.
type span struct {
	first   uint32
	program []bpf.Instruction
}

// seccompFilter compiles rulings, by the numbers of system calls, for an architecture of
// linux/audit.h. Of the calls that are not among them, those from lastCall on are
// answered with ENOSYS, as by a kernel that does not know them yet: programs then try
// an older one. Those before are forbidden.
func seccompFilter(architecture uint32, rulings map[uint32]ruling) ([]byte, error) {
	spans := []span{}
	of := func(number uint32) []bpf.Instruction {
		r, ok := rulings[number]
		switch {
		case ok:
			return r.compile()
		case number > lastCall:
			return ruling{otherwise: absent}.compile()
		}
		return ruling{otherwise: deny}.compile()
	}
	for number := uint32(0); number <= lastCall+1; number++ {
		program := of(number)
		if len(spans) == 0 || !slices.Equal(spans[len(spans)-1].program, program) {
			spans = append(spans, span{number, program})
		}
	}
	program := append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: architectureOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: architecture, SkipTrue: 1},
		bpf.RetConstant{Val: uint32(kill)},
		bpf.LoadAbsolute{Off: numberOffset, Size: 4},
	}, search(spans)...)
	assembled, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble the system-call filter: %w", err)
	}
	if len(assembled) > unix.BPF_MAXINSNS {
		return nil, errors.New("the system-call filter is longer than the kernel takes")
	}
	code := make([]byte, 0, 8*len(assembled))
	for _, i := range assembled { // struct sock_filter
		code = binary.NativeEndian.AppendUint16(code, i.Op)
		code = append(code, i.Jt, i.Jf)
		code = binary.NativeEndian.AppendUint32(code, i.K)
	}
	return code, nil
}

// search finds a number's span by halving: when a filter is put on, the kernel runs it
// once for every number, to learn which it always allows.
func search(spans []span) []bpf.Instruction {
	if len(spans) == 1 {
		return spans[0].program
	}
	middle := len(spans) / 2
	below, above := search(spans[:middle]), search(spans[middle:])
	branch := []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: spans[middle].first, SkipFalse: 1},
		bpf.Jump{Skip: uint32(len(below))},
	}
	if len(below) <= 255 {
		branch = []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: spans[middle].first, SkipTrue: uint8(len(below))}}
	}
	return slices.Concat(branch, below, above)
}

// seccompMissing says why this kernel has no such filters; empty if it has.
func seccompMissing() string {
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); errno != 0 {
		return fmt.Sprintf("this host's kernel has no system-call filters (Linux 4.14 with CONFIG_SECCOMP_FILTER has): %v", errno)
	}
	return ""
}
