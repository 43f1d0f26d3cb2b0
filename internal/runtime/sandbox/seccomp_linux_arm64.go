package sandbox

// This architecture has none of the calls that others keep for old programs.
var oldFileCalls, oldEventCalls, oldProcessCalls, oldTimeCalls []uint32
