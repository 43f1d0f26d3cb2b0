//go:build linux

#include "textflag.h"

// func launcherCode()
//
// What stands between the fork and the function's program, see launcher_linux.go. It is
// never called: it is copied into a program of its own. On entry the stack holds argc,
// argv and the environment, as for every program, which all are the function's. At
// 0x4000b0 are a struct sock_fprog and whether there is a Landlock ruleset.
TEXT ·launcherCode(SB), NOSPLIT|NOFRAME, $0-0
	MOVD RSP, R20
	MOVD $0x4000b0, R19

	// fcntl(3, F_SETFD, FD_CLOEXEC)
	MOVD $3, R0
	MOVD $2, R1
	MOVD $1, R2
	MOVD $25, R8
	SVC

	MOVWU 16(R19), R0
	CBZ R0, filter

	// landlock_restrict_self(4, 0)
	MOVD $1, R21
	MOVD $4, R0
	MOVD $0, R1
	MOVD $446, R8
	SVC
	CBNZ R0, failed

	// close(4)
	MOVD $4, R0
	MOVD $57, R8
	SVC

filter:
	MOVHU 0(R19), R0
	CBZ R0, execute

	// seccomp(SECCOMP_SET_MODE_FILTER, 0, filter)
	MOVD $2, R21
	MOVD $1, R0
	MOVD $0, R1
	MOVD R19, R2
	MOVD $277, R8
	SVC
	CBNZ R0, failed

execute:
	// execve(argv[0], argv, environment)
	MOVD $3, R21
	MOVD 8(R20), R0
	ADD $8, R20, R1
	MOVD 0(R20), R3
	LSL $3, R3
	ADD $16, R20, R2
	ADD R3, R2
	MOVD $221, R8
	SVC

failed:
	// write(3, {step, errno}, 8)
	NEG R0, R0
	SUB $16, RSP
	MOVW R21, 0(RSP)
	MOVW R0, 4(RSP)
	MOVD $3, R0
	MOVD RSP, R1
	MOVD $8, R2
	MOVD $64, R8
	SVC

	// exit_group(127)
	MOVD $127, R0
	MOVD $94, R8
	SVC

	WORD $0x6e75616c // launcherCodeEnd
	WORD $0x2e646863

// func launcherCodeAddress() unsafe.Pointer
TEXT ·launcherCodeAddress(SB), NOSPLIT, $0-8
	MOVD $·launcherCode(SB), R0
	MOVD R0, ret+0(FP)
	RET
