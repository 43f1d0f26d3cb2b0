package gateway

// oldCalls are those that newer architectures never had.
var oldCalls []uint32
