// Package conformance proves the Runtime API with the official clients of AWS: the
// real runtime as a process, functions that the real Terraform deploys, each of them a
// client from its language's registry that nothing of Tidegate's stands before.
//
// tools/clients builds the functions from testdata. All do the same. An event that is no
// object, or has no "do", is returned as it is; else "do" says what to do:
//
//	context  return what the client tells of the invocation
//	count    return how many events the process has had, and how many sockets it has
//	text     return "number" characters
//	print    print "text"
//	fail     fail with "text" and "number" characters after it
//	panic    crash as the language does (Go and Rust)
//	exit     end with the status "number"
//	kill     end by SIGKILL
//	sleep    wait for "number" milliseconds
//	stream   write "text" as often as "number" says, to a stream (Go and Rust; a
//	         handler of its own in Node)
//
// FAIL_AT_START in the environment has the function fail before it is ready, and
// AT_SIGTERM is what it prints when it is asked to end.
package conformance
