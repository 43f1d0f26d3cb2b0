package gateway

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// The process can open no file. What it has to know of the host's, the runtime tells it,
// once and whenever it has changed.
type knowledge struct {
	// ResolvConf is what that file says.
	ResolvConf []byte
	// Names are the addresses of the names in policies, as far as they are known.
	Names map[string][]netip.Addr
}

func (k knowledge) equal(other knowledge) bool {
	return bytes.Equal(k.ResolvConf, other.ResolvConf) &&
		maps.EqualFunc(k.Names, other.Names, func(a, b []netip.Addr) bool { return slices.Equal(a, b) })
}

// knowledge is what is so now.
func (g *Gateway) knowledge() knowledge {
	return knowledge{ResolvConf: g.resolvConf.read(), Names: g.names.all()}
}

// lookAgain is how often the host's files are looked at.
const lookAgain = time.Second

// inform tells the process what has changed, until Close.
func (g *Gateway) inform() {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	var to *client
	var told knowledge
	for {
		select {
		case <-tick.C:
		case <-g.names.changed:
		case <-g.names.ctx.Done():
			return
		}
		known := g.knowledge()
		g.mu.Lock()
		process := g.process
		g.mu.Unlock()
		if process == nil || process == to && known.equal(told) {
			continue
		}
		if _, err := process.call(request{Know: &known}, -1); err == nil {
			to, told = process, known
		}
	}
}

// A confFile is a file that may be replaced at any time.
type confFile struct {
	path string

	mu      sync.Mutex
	seen    os.FileInfo
	content []byte
}

// longestConf is as much as is read of it, in bytes.
const longestConf = 16 << 10

// read returns what is in it; while it is away, what was.
func (f *confFile) read() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil || f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return f.content
	}
	file, err := os.Open(f.path)
	if err != nil {
		return f.content
	}
	defer file.Close()
	if content, err := io.ReadAll(io.LimitReader(file, longestConf)); err == nil {
		f.content, f.seen = content, info
	}
	return f.content
}

// A known has what the process was told of names.
type known struct {
	mu    sync.Mutex
	names map[string][]netip.Addr
}

func (k *known) learn(names map[string][]netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names = names
}

// addresses is false while nothing is known of the name.
func (k *known) addresses(name string) ([]netip.Addr, bool) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.names[name]
	return a, len(a) > 0
}

// watchNames begins to look the names of a policy up.
func (g *Gateway) watchNames(p Policy) {
	for _, server := range p.Servers {
		if host, _, err := net.SplitHostPort(server); err == nil { // as compile has seen
			g.names.watch(host)
		}
	}
}
