package serving

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// asyncClients send events at the same time.
const asyncClients = 64

// async measures how many events a second are durable and accepted, beside how often the
// disk that they are on can be told to keep something.
func (b *bench) async(ctx context.Context) (string, []candidate, error) {
	r, err := b.runtime(ctx, "async")
	if err != nil {
		return "", nil, err
	}
	f, err := upload(ctx, r, b.peers.Echo)
	if err != nil {
		return "", nil, err
	}
	if err := deploy(ctx, r, "async", map[string]function{"wait": f.golang}); err != nil {
		return "", nil, err
	}
	// The function waits most of the time: what is measured is the accepting.
	events, err := event(r, "async", "wait", `{"sleep_ms":5000,"detail":`+payload+`}`)
	if err != nil {
		return "", nil, err
	}
	disk := candidate{&row{what: "fsync after every 512 bytes, one file"}, func(context.Context) (sample, error) {
		return syncRate(filepath.Join(b.Dir, "async"))
	}}
	accepted := under(echo{name: "Tidegate, accepted with 202", target: events, pid: r.Pid()}, asyncClients)
	accepted.target = &target{bound{atLeast: 5000}, func(own, _ sample) float64 { return own.rate }, "%.0f a second"}
	return "Durable asynchronous invocations, 64 clients", []candidate{disk, accepted}, nil
}

// syncRate appends to a file in the folder, and syncs it each time.
func syncRate(dir string) (sample, error) {
	file, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var took []time.Duration
	start := time.Now()
	for time.Since(start) < loaded/2 {
		began := time.Now()
		if _, err := file.Write(make([]byte, 512)); err != nil {
			return sample{}, err
		}
		if err := file.Sync(); err != nil {
			return sample{}, err
		}
		took = append(took, time.Since(began))
	}
	s := times(took)
	s.rate = float64(len(took)) / time.Since(start).Seconds()
	return s, nil
}
