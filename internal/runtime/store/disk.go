package store

import (
	"context"
	"fmt"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// A stream of JetStream's that once failed to write accepts nothing until its
// server is started again, and does not answer. So it must not come to that: the
// last part of the disk stays free, writes are refused before they reach it, and
// should something else fill the disk, JetStream begins anew when there is room.

// diskReserve is what stays free, at most; on a small disk it is an eighth.
const diskReserve = 128 << 20

// diskCheckInterval is how often the disk is looked at.
const diskCheckInterval = 500 * time.Millisecond

// A disk is that of the embedded JetStream.
type disk struct{ dir string }

// spare returns how many bytes may still be written, and how many stay free
// then. A disk that cannot be asked has room: writing will tell.
func (d disk) spare() (spare, reserve int64) {
	free, total, err := diskSpace(d.dir)
	if err != nil {
		return diskReserve, diskReserve
	}
	reserve = min(diskReserve, total/8)
	return max(0, free-reserve), reserve
}

// room tells whether n bytes may be written so that as much as the reserve stays
// free, times over.
func (d disk) room(n int64, times int64) error {
	spare, reserve := d.spare()
	keep := (times - 1) * reserve
	if spare-keep >= n {
		return nil
	}
	return fmt.Errorf("%w on the disk of data folder %s, of which %s stay free: nothing was written; make room, then try again",
		ErrFull, d.dir, megabytes(reserve+keep))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

// watchDisk keeps JetStream from the reserve until ctx ends, and revives it
// when it ran into it nevertheless.
func (s *Store) watchDisk(ctx context.Context) {
	every := time.NewTicker(diskCheckInterval)
	defer every.Stop()
	full := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		spare, reserve := s.embedded.disk.spare()
		s.embedded.limit(spare, reserve)
		switch {
		case spare == 0 && !full:
			full = true
			s.log.Error("the disk is full: nothing is accepted until there is room", "folder", s.opts.Dir, "reserve", megabytes(reserve))
		case spare > 0 && full:
			full = false
			s.log.Info("the disk has room again", "folder", s.opts.Dir)
			if err := s.embedded.revive(); err != nil {
				s.log.Error("cannot start JetStream again", "error", err)
				full = true
			}
			s.reconnected.broadcast()
		}
	}
}

// limit makes JetStream refuse what would reach the reserve. It does not limit
// as long as that is far: streams with a bound of their own reserve it.
func (e *embedded) limit(spare, reserve int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	limits := natsserver.JetStreamAccountLimits{
		MaxMemory: -1, MaxStore: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
		MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}
	account := e.server.GlobalAccount()
	if spare < reserve {
		limits.MaxStore = int64(account.JetStreamUsage().Store) + spare
	}
	if limits.MaxStore == e.limited {
		return
	}
	if err := account.UpdateJetStreamLimits(map[string]natsserver.JetStreamAccountLimits{"": limits}); err != nil {
		e.log.Warn("cannot limit JetStream to the free disk", "error", err)
		return
	}
	e.limited = limits.MaxStore
}

// revive starts JetStream again if one of its streams failed to write.
func (e *embedded) revive() error {
	if e.server.JetStreamEnabled() {
		health := e.server.Healthz(&natsserver.HealthzOptions{})
		if health.Error == "" {
			return nil
		}
		e.log.Warn("starting JetStream again", "because", health.Error)
	}
	if err := e.server.ShutdownJetStream(); err != nil {
		return err
	}
	config := e.config
	e.mu.Lock()
	e.limited = unlimited
	e.mu.Unlock()
	return e.server.EnableJetStream(&config)
}
