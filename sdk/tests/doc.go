// Package tests runs stacks through Pulumi's own engine, from programs in each language,
// against the open runtime.
package tests
