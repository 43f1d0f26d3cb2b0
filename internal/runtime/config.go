package runtime

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config says how to run the open runtime. The flags of `tidegate serve` fill it
// in, and hold the defaults.
type Config struct {
	// Version of the program.
	Version string
	// Listen is the address of the operators' listener, Ingress of the world's:
	// host:port; port 0 takes a free one.
	Listen, Ingress string
	// IngressURL is where the world reaches the ingress; empty means at its address.
	IngressURL string
	// DataDir holds everything, and belongs to one process at a time.
	DataDir string
	// NATSURL, NATSCredentials and Replicas: see store.Options.
	NATSURL, NATSCredentials string
	Replicas                 int
	// Isolation is auto, strict, process or oci: see sandbox.Mode.
	Isolation string
	// OCIRuntime is the program that runs functions with isolation oci; empty has one
	// looked for.
	OCIRuntime string
	// Interpreters are folders searched for interpreters before PATH.
	Interpreters []string
	// MaxConcurrency is the most instances at once, of all functions on all nodes.
	MaxConcurrency int
	// IdleTimeout is how long an instance stays without an invocation.
	IdleTimeout time.Duration
	// PoolWindow is for how long as many sandboxes stay prepared as were asked for in one
	// second.
	PoolWindow time.Duration
	// AsyncRetryDelay is the pause before an asynchronous invocation's first retry;
	// before the second it is twice as long.
	AsyncRetryDelay time.Duration
	// DrainTimeout is how long invocations may go on when the runtime is asked to
	// end.
	DrainTimeout time.Duration
	// TokenFile says where the users of an endpoint look for its token.
	TokenFile func(endpoint string) (string, error)
	// ReadyFile, if not empty, is written once everything is ready, and removed at
	// the end.
	ReadyFile string
	Log       *slog.Logger
}

// Ready is what a ReadyFile says.
type Ready struct {
	// Endpoint and Ingress are the URLs of the two listeners.
	Endpoint  string `json:"endpoint"`
	Ingress   string `json:"ingress"`
	TokenFile string `json:"token_file"`
	PID       int    `json:"pid"`
}

// check says what no part of the runtime would say better.
func (c Config) check() error {
	switch {
	case c.MaxConcurrency < 1:
		return fmt.Errorf("--max-concurrency is %d; it must be at least 1", c.MaxConcurrency)
	case c.IdleTimeout <= 0:
		return fmt.Errorf("--idle-timeout is %s; it must be positive, such as 5m", c.IdleTimeout)
	case c.PoolWindow < time.Second:
		return fmt.Errorf("--pool-window is %s; it must be a second at least, such as 3m", c.PoolWindow)
	case c.AsyncRetryDelay <= 0:
		return fmt.Errorf("--async-retry-delay is %s; it must be positive, such as 1m", c.AsyncRetryDelay)
	case c.DrainTimeout < 0:
		return fmt.Errorf("--drain-timeout is %s; it must not be negative", c.DrainTimeout)
	}
	if c.IngressURL == "" {
		return nil
	}
	u, err := url.Parse(c.IngressURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--ingress-url is %q; it must be a URL such as https://apps.example.org", c.IngressURL)
	}
	return nil
}

// ingressURL is what IngressURL stands for, once the listener is open.
func (c Config) ingressURL(l net.Listener) string {
	if c.IngressURL != "" {
		return strings.TrimRight(c.IngressURL, "/")
	}
	return localURL(l)
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// natsServers are the servers of NATSURL, as "host:port".
func (c Config) natsServers() []string {
	const defaultPort = "4222"
	var servers []string
	for _, text := range strings.Split(c.NATSURL, ",") {
		if text = strings.TrimSpace(text); !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		server, err := url.Parse(text)
		if err != nil || server.Hostname() == "" {
			continue // the store says so
		}
		servers = append(servers, net.JoinHostPort(server.Hostname(), cmp.Or(server.Port(), defaultPort)))
	}
	return servers
}

// localURL is where this machine reaches a listener: one on every interface is
// reached through the loopback interface.
func localURL(l net.Listener) string {
	address := l.Addr().(*net.TCPAddr)
	ip := address.IP
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	return "http://" + net.JoinHostPort(ip.String(), fmt.Sprint(address.Port))
}
