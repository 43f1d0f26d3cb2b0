package store

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// soon is the time of leases and heartbeats in tests: longer than the machine may stall.
const soon = 4 * time.Second

func TestANodeWithAnEmbeddedJetStreamIsAlone(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	if got := s.Nodes(); !slices.Equal(got, []string{s.NodeID()}) {
		t.Errorf("nodes %v, want %s", got, s.NodeID())
	}
	if got := s.Share(1000); got != 1000 {
		t.Errorf("its share is %d, want all of it", got)
	}
}

func TestNodesShareALimit(t *testing.T) {
	t.Parallel()
	url := cluster(t)
	var stores []*Store
	for range 3 {
		stores = append(stores, open(t, Options{NATSURL: url, nodeTime: soon}))
	}
	for limit, want := range map[int][]int{0: {0, 0, 0}, 1: {0, 0, 1}, 2: {0, 1, 1}, 3: {1, 1, 1}, 1000: {333, 333, 334}} {
		eventually(t, fmt.Sprintf("the shares of %d are %v", limit, want), func() bool {
			var got []int
			for _, s := range stores {
				got = append(got, s.Share(limit))
			}
			slices.Sort(got)
			return slices.Equal(got, want)
		})
	}
}

func TestANodeThatJoinsSeesTheOthersAtOnce(t *testing.T) {
	t.Parallel()
	url := cluster(t)
	first := open(t, Options{NATSURL: url})
	second := open(t, Options{NATSURL: url})
	if got := second.Nodes(); !slices.Contains(got, first.NodeID()) || len(got) != 2 {
		t.Errorf("it sees %v", got)
	}
}

func TestANodeThatClosesIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	url := cluster(t)
	stays, leaves := open(t, Options{NATSURL: url, nodeTime: time.Hour}), open(t, Options{NATSURL: url, nodeTime: time.Hour})
	eventually(t, "they see each other", func() bool { return len(stays.Nodes()) == 2 })
	leaves.Close()
	eventually(t, "the other is gone", func() bool { return len(stays.Nodes()) == 1 })
}

func TestANodeThatIsCutOffIsGoneForTheOthersAndKnowsNothingNew(t *testing.T) {
	t.Parallel()
	url := cluster(t)
	line := connect(t, url)
	stays := open(t, Options{NATSURL: url, nodeTime: soon})
	cutOff := open(t, Options{NATSURL: line.url, nodeTime: soon})
	eventually(t, "they see each other", func() bool { return len(stays.Nodes()) == 2 })

	line.Cut()
	eventually(t, "the others count without it", func() bool { return stays.Share(100) == 100 })
	if got := cutOff.Share(100); got != 50 {
		t.Errorf("the share of the one cut off is %d, want 50 as before", got)
	}
	line.Mend()
	eventually(t, "the others count with it again", func() bool { return stays.Share(100) == 50 })
	if got := cutOff.Share(100); got != 50 {
		t.Errorf("the share of the one that came back is %d, want 50", got)
	}
}
