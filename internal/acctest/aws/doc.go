// Package aws holds the acceptance tests of target aws: the real Terraform program
// with the real provider, on emulators of AWS behind a recording proxy, which see
// each request checked against AWS's own models of its services.
//
// The stacks are in testdata: one file for each kind with everything it can have
// (stack.tf, http_api.tf, queue.tf, schedule.tf), and one with as little as possible
// (plain_*.tf). They have the same names, so a test may go from one to the other.
package aws
