package store

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// maxPayload bounds one message or record on the embedded server, in bytes. It
// has room for the largest event (6 MB) and its headers.
const maxPayload = 8 << 20

// startTimeout is how long the embedded server may take until it is ready; it
// reads all of its streams before.
const startTimeout = time.Minute

// An embedded server lives in this process and listens nowhere.
type embedded struct {
	server *natsserver.Server
	disk   disk
	log    *slog.Logger
	// config is what JetStream was started with.
	config natsserver.JetStreamConfig

	mu sync.Mutex
	// limited is how many bytes JetStream may have at present.
	limited int64
}

// unlimited is JetStream's word for no limit.
const unlimited = -1

func startEmbedded(dir string, log *slog.Logger) (*embedded, error) {
	if err := removeUnfinished(dir); err != nil {
		log.Warn("what a killed process had made or deleted in part is left in the data folder", "error", err)
	}
	server, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "tidegate",
		DontListen: true,
		NoSigs:     true,
		MaxPayload: maxPayload,
		JetStream:  true,
		StoreDir:   dir,
		// JetStream flushes every two minutes unless told otherwise. What it has
		// acknowledged must outlast this process and this machine's power.
		SyncAlways: true,
		// The disk is the limit. By default it would be three quarters of what is
		// free at start, which a store that holds more than that could not reopen.
		JetStreamMaxStore:      math.MaxInt64,
		JetStreamMaxMemory:     256 << 20,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot start the embedded NATS server: %w", err)
	}
	log = log.With("from", "nats-server")
	server.SetLoggerV2(serverLog{log}, true, false, false)
	server.Start()
	if !server.ReadyForConnections(startTimeout) {
		server.Shutdown()
		return nil, fmt.Errorf("the embedded NATS server was not ready after %s", startTimeout)
	}
	if !server.JetStreamEnabled() {
		server.Shutdown()
		return nil, fmt.Errorf("cannot start JetStream in %s: see the log", dir)
	}
	config := *server.JetStreamConfig()
	config.StoreDir = dir // without the folder that the server makes in it
	return &embedded{server: server, disk: disk{dir}, log: log, config: config, limited: unlimited}, nil
}

func (e *embedded) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

// serverLog is the NATS server's log within Tidegate's: what the server finds
// notable is not so for an operator of Tidegate.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
