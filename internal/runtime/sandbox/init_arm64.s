//go:build linux

#include "textflag.h"

// func initCode()
//
// The first process of an instance's pid namespace, see init_linux.go. It is
// never called: it is copied into a program of its own. On entry the stack holds
// argc, argv[0] and argv[1], as for every program.
TEXT ·initCode(SB), NOSPLIT|NOFRAME, $0-0
	// result = mount(argv[0], argv[1], argv[0], MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)
	MOVD 8(RSP), R0
	MOVD 16(RSP), R1
	MOVD 8(RSP), R2
	MOVD $14, R3
	MOVD $0, R4
	MOVD $40, R8
	SVC
	NEG R0, R19

	// capset({_LINUX_CAPABILITY_VERSION_3, 0}, {})
	SUB $64, RSP
	MOVD $0x20080522, R5
	MOVD R5, 0(RSP)
	MOVD ZR, 8(RSP)
	MOVD ZR, 16(RSP)
	MOVD ZR, 24(RSP)
	MOVD RSP, R0
	ADD $8, RSP, R1
	MOVD $91, R8
	SVC

	// prctl(PR_SET_DUMPABLE, 0, 0, 0, 0): the function may have the same user
	MOVD $4, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	MOVD $167, R8
	SVC

	// rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8)
	MOVD $1, R5
	MOVD R5, 0(RSP)
	MOVD ZR, 8(RSP)
	MOVD ZR, 16(RSP)
	MOVD ZR, 24(RSP)
	MOVD $17, R0
	MOVD RSP, R1
	MOVD $0, R2
	MOVD $8, R3
	MOVD $134, R8
	SVC

	// write(1, &result, 1)
	MOVD R19, 0(RSP)
	MOVD $1, R0
	MOVD RSP, R1
	MOVD $1, R2
	MOVD $64, R8
	SVC

wait:
	// ppoll(NULL, 0, NULL, NULL, 0)
	MOVD $0, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	MOVD $73, R8
	SVC
	B wait

	WORD $0x74696e69 // initCodeEnd
	WORD $0x646e6520

// func initCodeAddress() unsafe.Pointer
TEXT ·initCodeAddress(SB), NOSPLIT, $0-8
	MOVD $·initCode(SB), R0
	MOVD R0, ret+0(FP)
	RET
