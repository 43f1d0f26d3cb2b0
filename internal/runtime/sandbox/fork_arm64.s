//go:build linux

#include "textflag.h"

// func forkSteps(clone *cloneArguments, size uintptr, first *step) (pid, errno uintptr)
//
// The child shares the parent's memory and stack, and the parent waits until it
// has executed a program or ended (CLONE_VM and CLONE_VFORK). So the child calls
// nothing, and writes nothing but a step's errno.
TEXT ·forkSteps(SB), NOSPLIT|NOFRAME, $0-40
	MOVD clone+0(FP), R0
	MOVD size+8(FP), R1
	MOVD first+16(FP), R19
	MOVD $435, R8 // clone3
	SVC
	CMN $4095, R0
	BCC cloned
	NEG R0, R0
	MOVD ZR, pid+24(FP)
	MOVD R0, errno+32(FP)
	RET

cloned:
	CBZ R0, next
	MOVD R0, pid+24(FP)
	MOVD ZR, errno+32(FP)
	RET

next:
	MOVD 56(R19), R21
	MOVD 8(R19), R0
	TST $4, R21 // stepUses
	BEQ call
	MOVD R20, R0

call:
	MOVD 0(R19), R8
	MOVD 16(R19), R1
	MOVD 24(R19), R2
	MOVD 32(R19), R3
	MOVD 40(R19), R4
	MOVD 48(R19), R5
	SVC
	CMN $4095, R0
	BCC done
	TST $1, R21 // stepMayFail
	BNE done
	NEG R0, R0
	MOVD R0, 64(R19)

end:
	MOVD $127, R0
	MOVD $94, R8 // exit_group
	SVC
	B end

done:
	TST $2, R21 // stepKeeps
	BEQ advance
	MOVD R0, R20

advance:
	ADD $72, R19
	B next
