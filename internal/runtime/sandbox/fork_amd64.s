//go:build linux

#include "textflag.h"

// func forkSteps(clone *cloneArguments, size uintptr, first *step) (pid, errno uintptr)
//
// The child shares the parent's memory and stack, and the parent waits until it
// has executed a program or ended (CLONE_VM and CLONE_VFORK). So the child calls
// nothing, and writes nothing but a step's errno.
TEXT ·forkSteps(SB), NOSPLIT|NOFRAME, $0-40
	MOVQ clone+0(FP), DI
	MOVQ size+8(FP), SI
	MOVQ first+16(FP), R12
	MOVQ $435, AX // clone3
	SYSCALL
	CMPQ AX, $0xfffffffffffff001
	JLS cloned
	NEGQ AX
	MOVQ $0, pid+24(FP)
	MOVQ AX, errno+32(FP)
	RET

cloned:
	TESTQ AX, AX
	JZ next
	MOVQ AX, pid+24(FP)
	MOVQ $0, errno+32(FP)
	RET

next:
	MOVQ 56(R12), R15
	MOVQ 8(R12), DI
	TESTQ $4, R15 // stepUses
	JZ call
	MOVQ R13, DI

call:
	MOVQ 0(R12), AX
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	MOVQ 40(R12), R8
	MOVQ 48(R12), R9
	SYSCALL
	CMPQ AX, $0xfffffffffffff001
	JLS done
	TESTQ $1, R15 // stepMayFail
	JNZ done
	NEGQ AX
	MOVQ AX, 64(R12)

end:
	MOVQ $127, DI
	MOVQ $231, AX // exit_group
	SYSCALL
	JMP end

done:
	TESTQ $2, R15 // stepKeeps
	JZ advance
	MOVQ AX, R13

advance:
	ADDQ $72, R12
	JMP next
