// Package store keeps the open runtime's state in JetStream, embedded or on a
// cluster: a record per stack, packages by their SHA-256, tokens, the nodes
// that share the store, and the streams that queues, asynchronous invocations,
// schedules and logs are made of.
package store
