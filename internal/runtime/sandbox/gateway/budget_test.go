package gateway

import "testing"

func TestWhoHasManyConnectionsLeavesTheLastOnesToOthers(t *testing.T) {
	b := &budget{maxDescriptors: 100, maxMemory: 1 << 40}
	greedy, modest := &account{all: b}, &account{all: b}
	var grants []int64
	for {
		grant, ok := greedy.connect()
		if !ok {
			break
		}
		grants = append(grants, grant)
	}
	if len(grants) != 75 {
		t.Errorf("one instance got %d of 100 descriptors", len(grants))
	}
	if grants[0] != maxGrant || grants[len(grants)-1] != minGrant {
		t.Errorf("the first connection got %d bytes, the last %d", grants[0], grants[len(grants)-1])
	}
	for i := range fairShare {
		if _, ok := modest.connect(); !ok {
			t.Fatalf("another got %d connections only", i)
		}
	}
	if modest.flow() != true {
		t.Error("and no flow")
	}
	modest.endFlow()
	for _, grant := range grants {
		greedy.disconnect(grant)
	}
	if b.descriptors.Load() != fairShare || greedy.memory.Load() != 0 || greedy.connections.Load() != 0 {
		t.Errorf("%d descriptors and %d bytes are left", b.descriptors.Load(), greedy.memory.Load())
	}
}

func TestConnectionsStayWithinTheMemory(t *testing.T) {
	b := &budget{maxDescriptors: 1 << 20, maxMemory: 64 << 20}
	for range 200 {
		a := &account{all: b}
		for {
			if _, ok := a.connect(); !ok {
				break
			}
		}
		if a.connections.Load() < fairShare || a.connections.Load() > maxConnections {
			t.Fatalf("an instance has %d connections", a.connections.Load())
		}
	}
	// What all have for certain may go beyond it, and nothing else.
	if most := b.maxMemory + 200*fairShare*2*minGrant; b.memory.Load() > most {
		t.Errorf("%d bytes were granted, of %d", b.memory.Load(), most)
	}
}
