package sandbox

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_AARCH64

// This architecture has none of the calls that others keep for old programs.
var oldFileCalls, oldEventCalls, oldProcessCalls, oldTimeCalls []uint32
