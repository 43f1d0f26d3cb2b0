// Package confine has what keeps a process from most of the kernel: system-call filters
// and Landlock's rules about files. It is for those that put them on.
package confine
