//go:build linux

#include "textflag.h"

// func initCode()
//
// The first process of an instance's pid namespace, see init_linux.go. It is
// never called: it is copied into a program of its own. On entry the stack holds
// argc, argv[0] and argv[1], as for every program.
TEXT ·initCode(SB), NOSPLIT|NOFRAME, $0-0
	// result = mount(argv[0], argv[1], argv[0], MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)
	MOVQ 8(SP), DI
	MOVQ 16(SP), SI
	MOVQ 8(SP), DX
	MOVQ $14, R10
	XORQ R8, R8
	MOVQ $165, AX
	SYSCALL
	NEGQ AX
	MOVQ AX, R12

	// capset({_LINUX_CAPABILITY_VERSION_3, 0}, {})
	SUBQ $64, SP
	MOVQ $0x20080522, AX
	MOVQ AX, 0(SP)
	XORQ AX, AX
	MOVQ AX, 8(SP)
	MOVQ AX, 16(SP)
	MOVQ AX, 24(SP)
	MOVQ SP, DI
	LEAQ 8(SP), SI
	MOVQ $126, AX
	SYSCALL

	// prctl(PR_SET_DUMPABLE, 0, 0, 0, 0): the function may have the same user
	MOVQ $4, DI
	XORQ SI, SI
	XORQ DX, DX
	XORQ R10, R10
	XORQ R8, R8
	MOVQ $157, AX
	SYSCALL

	// rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8)
	MOVQ $1, AX
	MOVQ AX, 0(SP)
	XORQ AX, AX
	MOVQ AX, 8(SP)
	MOVQ AX, 16(SP)
	MOVQ AX, 24(SP)
	MOVQ $17, DI
	MOVQ SP, SI
	XORQ DX, DX
	MOVQ $8, R10
	MOVQ $13, AX
	SYSCALL

	// write(1, &result, 1)
	MOVQ R12, 0(SP)
	MOVQ $1, DI
	MOVQ SP, SI
	MOVQ $1, DX
	MOVQ $1, AX
	SYSCALL

wait:
	// pause()
	MOVQ $34, AX
	SYSCALL
	JMP wait

	LONG $0x74696e69 // initCodeEnd
	LONG $0x646e6520

// func initCodeAddress() unsafe.Pointer
TEXT ·initCodeAddress(SB), NOSPLIT, $0-8
	LEAQ ·initCode(SB), AX
	MOVQ AX, ret+0(FP)
	RET
