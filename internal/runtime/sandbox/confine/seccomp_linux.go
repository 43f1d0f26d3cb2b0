package confine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Verdict is what becomes of a system call: a return value of a seccomp filter.
type Verdict uint32

const (
	Allow Verdict = unix.SECCOMP_RET_ALLOW
	// Deny answers with EPERM, Absent with ENOSYS.
	Deny   = Verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	Absent = Verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
	// Pretend answers with success and does nothing.
	Pretend Verdict = unix.SECCOMP_RET_ERRNO
	Kill    Verdict = unix.SECCOMP_RET_KILL_PROCESS
)

// Refuse is the verdict that answers with an error.
func Refuse(errno unix.Errno) Verdict { return Verdict(unix.SECCOMP_RET_ERRNO | uint32(errno)) }

// A Ruling is what becomes of one system call: that of the first case whose conditions
// all hold, else Otherwise.
type Ruling struct {
	Cases     []Case
	Otherwise Verdict
}

// A Case is what becomes of a call of which all conditions hold.
type Case struct {
	When []Condition
	Then Verdict
}

// If is the case in which all conditions hold.
func If(then Verdict, when ...Condition) Case { return Case{when, then} }

// A Condition compares 32 bits of an argument: the upper ones if high, else the lower,
// of which those in mask count. The kernel reads no more of the arguments of the type
// int, so that what is in the other half means nothing.
type Condition struct {
	argument int
	high     bool
	mask     uint32 // 0 means all
	test     bpf.JumpTest
	value    uint32
}

// Argument begins a condition on the lower half of an argument.
func Argument(n int) Condition { return Condition{argument: n} }

// Masked compares no other bits.
func (c Condition) Masked(mask uint32) Condition { c.mask = mask; return c }

// Upper has the other half of the argument compared.
func (c Condition) Upper() Condition { c.high = true; return c }

// Is holds if the argument has the value.
func (c Condition) Is(value uint32) Condition {
	c.test, c.value = bpf.JumpEqual, value
	return c
}

// IsNot is the opposite of Is.
func (c Condition) IsNot(value uint32) Condition {
	c.test, c.value = bpf.JumpNotEqual, value
	return c
}

// Has holds if any of the bits is set.
func (c Condition) Has(bits uint32) Condition {
	c.test, c.value = bpf.JumpBitsSet, bits
	return c
}

// Only rules that a call is allowed if one of the arguments has one of the values.
func Only(argument Condition, otherwise Verdict, values ...uint32) Ruling {
	r := Ruling{Otherwise: otherwise}
	for _, v := range values {
		r.Cases = append(r.Cases, Case{[]Condition{argument.Is(v)}, Allow})
	}
	return r
}

// Unless rules that a call is allowed unless the conditions of one case hold.
func Unless(cases ...Case) Ruling { return Ruling{Cases: cases, Otherwise: Allow} }

// Offsets in struct seccomp_data (linux/seccomp.h).
const (
	numberOffset       = 0
	architectureOffset = 4
	argumentsOffset    = 16
)

func (c Condition) offset() uint32 {
	offset := uint32(argumentsOffset + 8*c.argument) // little-endian, as amd64 and arm64 are
	if c.high {
		offset += 4
	}
	return offset
}

func (r Ruling) compile() []bpf.Instruction {
	program := []bpf.Instruction{bpf.RetConstant{Val: uint32(r.Otherwise)}}
	for _, c := range slices.Backward(r.Cases) {
		program = slices.Concat(c.compile(), program)
	}
	return program
}

// compile goes on after its end where a condition does not hold.
func (c Case) compile() []bpf.Instruction {
	program := []bpf.Instruction{bpf.RetConstant{Val: uint32(c.Then)}}
	for _, when := range slices.Backward(c.When) {
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

// Filter compiles rulings, by the numbers of system calls. Of the calls that are not among them, those from LastCall on are
// answered with ENOSYS, as by a kernel that does not know them yet: programs then try
// an older one. Those before are forbidden.
func Filter(rulings map[uint32]Ruling) ([]byte, error) {
	spans := []span{}
	of := func(number uint32) []bpf.Instruction {
		r, ok := rulings[number]
		switch {
		case ok:
			return r.compile()
		case number > LastCall:
			return Ruling{Otherwise: Absent}.compile()
		}
		return Ruling{Otherwise: Deny}.compile()
	}
	for number := uint32(0); number <= LastCall+1; number++ {
		program := of(number)
		if len(spans) == 0 || !slices.Equal(spans[len(spans)-1].program, program) {
			spans = append(spans, span{number, program})
		}
	}
	program := append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: architectureOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: Architecture, SkipTrue: 1},
		bpf.RetConstant{Val: uint32(Kill)},
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

// FilterMissing says why this kernel has no such filters; empty if it has.
func FilterMissing() string {
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); errno != 0 {
		return fmt.Sprintf("this host's kernel has no system-call filters (Linux 4.14 with CONFIG_SECCOMP_FILTER has): %v", errno)
	}
	return ""
}

// PutOn puts a filter on all threads of this process, and those to come, which must have
// no_new_privs.
func PutOn(filter []byte) error {
	if len(filter) == 0 {
		return nil
	}
	program := unix.SockFprog{Len: uint16(len(filter) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("put on a system-call filter: %w", errno)
	}
	return nil
}
