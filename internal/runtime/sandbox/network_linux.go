package sandbox

import (
	"fmt"
	"os"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/gateway"
)

// networkFor says what network instances are in, by their Spec.Network.
func (h *host) networkFor(spec string) (networkKind, error) {
	reason, none := h.lacking[networkNamespace]
	switch {
	case spec == NetworkNone && none:
		return "", fmt.Errorf("network mode none cannot be had on this host: %s", reason)
	case spec == NetworkNone:
		return loopbackNetwork, nil
	case none || h.lacking[outgoing] != "":
		return hostNetwork, nil
	}
	return gatewayNetwork, nil
}

// startGateway starts what leads instances' connections out. The error, if it cannot
// be had, is for the report.
func (h *host) startGateway() error {
	log := h.options.Log
	g, err := gateway.Start(gateway.Options{Report: func(reason error) {
		log.Error("the network gateway ended; instances' connections were reset", "error", reason)
	}})
	if err != nil {
		return fmt.Errorf("the network gateway cannot be started: %w", err)
	}
	h.gateway = g
	return nil
}

// enterGateway gives the sandbox with that id its way out, of which it takes the
// descriptor over. The function returned takes it back.
func (h *host) enterGateway(id string, wayOut int) (leave func(), err error) {
	file := os.NewFile(uintptr(wayOut), "network interface")
	defer file.Close()
	policy := gateway.Policy{Ports: h.options.Ports, Servers: h.options.Servers}
	if err := h.gateway.Add(id, file, policy); err != nil {
		return nil, err
	}
	return func() { h.gateway.Remove(id) }, nil
}
