package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

func TestPacketsThatLeadNowhereHaveTheirPace(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	l, err := newLink(ends[0])
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for name, packet := range map[string][]byte{
		"a datagram":        sent(protocolUDP, "169.254.169.254", datagram("x")),
		"an echo":           sent(protocolICMP, "10.0.0.1", []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}),
		"another protocol":  sent(132, "10.0.0.1", make([]byte, 20)),
		"what is no packet": []byte("x"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				i := &instance{link: l, filter: &filter{}, ctx: ctx, refusals: rate.NewLimiter(maxRefused, maxRefused)}
				i.flows = &flows{instance: i, known: map[flowKey]*flow{}}
				began := time.Now()
				for range 2 * maxRefused {
					i.handle(packet)
				}
				if took := time.Since(began); took < 990*time.Millisecond || took > 1010*time.Millisecond {
					t.Errorf("%d were read in %v", 2*maxRefused, took)
				}
				// An instance that ends is not waited for.
				cancel()
				began = time.Now()
				for range 2 * maxRefused {
					i.handle(packet)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("an instance that had ended was waited for, %v", took)
				}
			})
		})
	}
}
