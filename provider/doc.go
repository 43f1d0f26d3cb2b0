// Package provider is what Terraform sees of Tidegate.
//
// Every kind of stack is the same resource (stack_resource.go) with a trigger of
// its own (queue.go, http_api.go, schedule.go, stack.go). Attributes have the
// names of the model's JSON (internal/stack), so one mapping (mapping.go) serves
// them all, and what a plan works out by itself is in one place (stack_plan.go).
package provider
