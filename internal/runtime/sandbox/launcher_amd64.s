//go:build linux

#include "textflag.h"

// func launcherCode()
//
// What stands between the fork and the function's program, see launcher_linux.go. It is
// never called: it is copied into a program of its own. On entry the stack holds argc,
// argv and the environment, as for every program, which all are the function's. At
// 0x4000b0 are a struct sock_fprog and whether there is a Landlock ruleset.
TEXT ·launcherCode(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ SP, R13
	MOVQ $0x4000b0, R12

	// fcntl(3, F_SETFD, FD_CLOEXEC)
	MOVQ $3, DI
	MOVQ $2, SI
	MOVQ $1, DX
	MOVQ $72, AX
	SYSCALL

	MOVL 16(R12), AX
	TESTL AX, AX
	JEQ filter

	// landlock_restrict_self(4, 0)
	MOVQ $1, BX
	MOVQ $4, DI
	XORQ SI, SI
	MOVQ $446, AX
	SYSCALL
	TESTQ AX, AX
	JNE failed

	// close(4)
	MOVQ $4, DI
	MOVQ $3, AX
	SYSCALL

filter:
	MOVWLZX 0(R12), AX
	TESTL AX, AX
	JEQ execute

	// seccomp(SECCOMP_SET_MODE_FILTER, 0, filter)
	MOVQ $2, BX
	MOVQ $1, DI
	XORQ SI, SI
	MOVQ R12, DX
	MOVQ $317, AX
	SYSCALL
	TESTQ AX, AX
	JNE failed

execute:
	// execve(argv[0], argv, environment)
	MOVQ $3, BX
	MOVQ 8(R13), DI
	LEAQ 8(R13), SI
	MOVQ 0(R13), AX
	LEAQ 16(R13)(AX*8), DX
	MOVQ $59, AX
	SYSCALL

failed:
	// write(3, {step, errno}, 8)
	NEGQ AX
	SUBQ $16, SP
	MOVL BX, 0(SP)
	MOVL AX, 4(SP)
	MOVQ $3, DI
	MOVQ SP, SI
	MOVQ $8, DX
	MOVQ $1, AX
	SYSCALL

	// exit_group(127)
	MOVQ $127, DI
	MOVQ $231, AX
	SYSCALL

	LONG $0x6e75616c // launcherCodeEnd
	LONG $0x2e646863

// func launcherCodeAddress() unsafe.Pointer
TEXT ·launcherCodeAddress(SB), NOSPLIT, $0-8
	LEAQ ·launcherCode(SB), AX
	MOVQ AX, ret+0(FP)
	RET
