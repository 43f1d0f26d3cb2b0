package gateway

import (
	"bytes"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// resolvConfPath is where the host says how names are resolved.
const resolvConfPath = "/etc/resolv.conf"

// A resolvConf is what resolv.conf(5) says of a host.
type resolvConf struct {
	servers []netip.Addr
	search  []string
	// options are those that an instance's resolver should know of too.
	options []string
	// timeout is how long to wait for one answer, attempts how often to ask each server.
	timeout  time.Duration
	attempts int
}

// parseResolvConf takes what it understands, as resolvers do, with their limits and
// defaults: three servers, two attempts, five seconds.
func parseResolvConf(content []byte) resolvConf {
	c := resolvConf{timeout: 5 * time.Second, attempts: 2}
	for line := range bytes.Lines(content) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(fields[1]); err == nil && len(c.servers) < 3 {
				c.servers = append(c.servers, a)
			}
		case "domain":
			c.search = fields[1:2]
		case "search":
			c.search = fields[1:]
		case "options":
			for _, option := range fields[1:] {
				c.option(option)
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return c
}

func (c *resolvConf) option(option string) {
	name, value, _ := strings.Cut(option, ":")
	number, err := strconv.Atoi(value)
	switch {
	case name == "timeout" && err == nil:
		c.timeout = time.Duration(max(1, min(number, 30))) * time.Second
	case name == "attempts" && err == nil:
		c.attempts = max(1, min(number, 5))
	case name == "ndots" && err == nil, option == "use-vc", option == "no-aaaa", option == "no-tld-query":
		c.options = append(c.options, option)
	}
}

// instances is the content of an instance's resolv.conf.
func (c resolvConf) instances() []byte {
	b := []byte("nameserver " + Address.String() + "\n")
	if len(c.search) > 0 {
		b = append(b, "search "+strings.Join(c.search, " ")+"\n"...)
	}
	if len(c.options) > 0 {
		b = append(b, "options "+strings.Join(c.options, " ")+"\n"...)
	}
	return b
}

// ResolvConf returns what belongs into /etc/resolv.conf of an instance: the gateway
// as the only server, and the host's search domains.
func ResolvConf() []byte {
	content, err := os.ReadFile(resolvConfPath)
	if err != nil {
		content = nil // a host without resolvers; the gateway says so when asked
	}
	return parseResolvConf(content).instances()
}
