package sandbox

// ShimMain must be called first thing in main, and in TestMain of packages whose
// tests start instances. In a process that the sandbox started to become an
// instance it does that and never returns; in any other it returns false at once.
func ShimMain() bool { return false }
