package confine

import "golang.org/x/sys/unix"

// Architecture is this program's, of linux/audit.h.
const Architecture = unix.AUDIT_ARCH_AARCH64

// LastCall is the highest number of a system call that this version has an opinion of.
const LastCall = unix.SYS_RSEQ_SLICE_YIELD
