package gateway

import "sync/atomic"

// Limits per instance. A function may have 1,024 descriptors open, as on Lambda, so
// that an honest one never meets the first.
const (
	maxConnections = 1024
	maxFlows       = 256
	// maxDialing are the connections that are neither made nor refused yet. More wait in
	// the instance's own kernel, which asks again.
	maxDialing = 128
	// maxQuestions are asked at a time of the host's DNS servers.
	maxQuestions = 64
	// newFlows is how many UDP flows may begin per second, and at once.
	newFlows = 1000
	// instanceMemory is shared by an instance's connections, in bytes. Beyond it each
	// still gets minGrant.
	instanceMemory = 16 << 20
)

// A grant is the size of each of a connection's two buffers, and of what is copied at
// a time, in bytes.
const (
	minGrant = 32 << 10
	maxGrant = 1 << 20
)

// fairShare is what an instance can always have of what all share, as long as there
// is any: connections and flows.
const fairShare = 16

// A budget is what the process has for all instances.
type budget struct {
	maxDescriptors, maxMemory int64
	descriptors, memory       atomic.Int64
}

// An account is one instance's part of the budget.
type account struct {
	all                        *budget
	connections, flows, memory atomic.Int64
}

// connect reserves a connection and returns its grant, or false if there is no room.
func (a *account) connect() (grant int64, ok bool) {
	own := a.connections.Add(1)
	if own > maxConnections || !a.all.descriptor(own) {
		a.connections.Add(-1)
		return 0, false
	}
	left := min(instanceMemory-a.memory.Load(), (a.all.maxMemory-a.all.memory.Load())/fairShare)
	grant = max(minGrant, min(left/4, maxGrant))
	a.memory.Add(2 * grant)
	if a.all.memory.Add(2*grant) > a.all.maxMemory && own > fairShare {
		a.disconnect(grant)
		return 0, false
	}
	return grant, true
}

func (a *account) disconnect(grant int64) {
	a.memory.Add(-2 * grant)
	a.all.memory.Add(-2 * grant)
	a.connections.Add(-1)
	a.all.descriptors.Add(-1)
}

// flow reserves a UDP flow.
func (a *account) flow() bool {
	if !a.all.descriptor(a.flows.Add(1)) {
		a.flows.Add(-1)
		return false
	}
	return true
}

func (a *account) endFlow() {
	a.flows.Add(-1)
	a.all.descriptors.Add(-1)
}

// descriptor reserves one for an instance that will have own of its kind. The last
// quarter is for those who have few.
func (b *budget) descriptor(own int64) bool {
	used, limit := b.descriptors.Add(1), b.maxDescriptors
	if own > fairShare {
		limit = limit / 4 * 3
	}
	if used > limit {
		b.descriptors.Add(-1)
		return false
	}
	return true
}
