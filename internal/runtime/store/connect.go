package store

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// enoughPayload is the max_payload of a cluster that takes everything: an
// asynchronous event or a message of 1 MB, with its headers.
const enoughPayload = 2 << 20

func (s *Store) connect() (err error) {
	if s.opts.NATSURL == "" {
		if s.embedded, err = startEmbedded(filepath.Join(s.opts.Dir, "jetstream"), s.log); err != nil {
			return err
		}
	}
	if s.conn, err = s.dial(); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.conn)
	return err
}

func (s *Store) dial() (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("tidegate"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) {
			s.log.Info("connected to NATS again")
			s.reconnected.broadcast()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if s.closing.Err() == nil {
				s.log.Warn("lost the connection to NATS", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.log.Warn("NATS client", "error", err)
		}),
	}
	if s.embedded != nil {
		return nats.Connect("", append(options, nats.InProcessServer(s.embedded.server))...)
	}
	if s.opts.NATSCredentials != "" {
		options = append(options, nats.UserCredentials(s.opts.NATSCredentials))
	}
	conn, err := nats.Connect(s.opts.NATSURL, options...)
	if err != nil {
		return nil, fmt.Errorf("cannot reach NATS at --nats-url (%s): %w", redactURLs(s.opts.NATSURL), err)
	}
	if limit := conn.MaxPayload(); limit < enoughPayload {
		s.log.Warn("the NATS cluster takes smaller messages than Tidegate may send; set its max_payload to 8MB",
			"max_payload", limit, "needed", enoughPayload)
	}
	return conn, nil
}

// splitURLs takes a comma-separated list of NATS URLs apart. Its errors do not
// repeat what may be a secret.
func splitURLs(list string) ([]*url.URL, error) {
	var urls []*url.URL
	for _, text := range strings.Split(list, ",") {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			return nil, errors.New("--nats-url should be URLs such as nats://host:4222, separated by commas")
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// redactURLs writes a list of URLs without their users and passwords.
func redactURLs(list string) string {
	urls, err := splitURLs(list)
	if err != nil {
		return "which is no list of URLs"
	}
	texts := make([]string, len(urls))
	for i, u := range urls {
		texts[i] = u.Scheme + "://" + u.Host
	}
	return strings.Join(texts, ",")
}
