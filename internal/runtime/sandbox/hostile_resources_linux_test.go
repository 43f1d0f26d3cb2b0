//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	programs["descriptor-bomb"] = descriptorBomb
	programs["holder"] = func([]string) { holdDescriptors() }
	programs["file-bomb"] = func([]string) { fileBomb() }
	programs["buffer-bomb"] = bufferBomb
	programs["hidden-memory"] = hideMemory
}

// descriptorBomb opens as many files as it is told, in as many processes as that takes.
func descriptorBomb(args []string) {
	want, err := strconv.Atoi(args[0])
	must(err)
	opened := 0
	for opened < want {
		r, w, err := os.Pipe()
		must(err)
		if err := child("holder", w).Start(); err != nil {
			break
		}
		w.Close()
		var n int
		if _, err := fmt.Fscan(r, &n); err != nil {
			break
		}
		opened += n
		r.Close()
	}
	fmt.Println("opened", opened)
	ready()
	forever()
}

// holdDescriptors opens files until there can be no more, tells how many, and stays.
func holdDescriptors() {
	n := 0
	for ; ; n++ {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			break
		}
	}
	fmt.Println(n)
	forever()
}

// The host's own table of open files is large or without end; what a file takes there is
// memory of the function's, and the function has only so many processes.
func TestAHundredThousandOpenFilesHurtTheirOwnerOnly(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	goesOn := neighbour(t, h)
	i := startWith(t, h, func(s *Spec) { s.Memory = 1024 }, "descriptor-bomb", "100000")
	select {
	case <-i.Done(): // it ran out of memory
	case <-i.saying("ready"):
	}
	before := openFilesOfHost(t)
	for range 100 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	goesOn()
	i.Kill()
	i.ended()
	t.Logf("the function %s; the host had %d files open", strings.TrimSpace(i.output.String()), before)
	eventually(t, "the files are closed", func() bool { return openFilesOfHost(t) < max(before/2, 20000) })
}

func openFilesOfHost(t *testing.T) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/fs/file-nr")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// saying is closed when the function has printed a line that begins with the words.
func (r *running) saying(words string) <-chan struct{} {
	said := make(chan struct{})
	go func() {
		for {
			changed, _, found := r.output.find(words)
			if found {
				close(said)
				return
			}
			select {
			case <-changed:
			case <-r.Done():
				return
			}
		}
	}()
	return said
}

// fileBomb makes empty files in /tmp, whose size they do not use up.
func fileBomb() {
	dir := os.Getenv("TMPDIR")
	for n := 0; ; n++ {
		fd, err := unix.Open(filepath.Join(dir, strconv.Itoa(n)), unix.O_CREAT|unix.O_WRONLY, 0o600)
		if err != nil {
			fmt.Println("made", n, errors.Is(err, unix.ENOSPC))
			ready()
			forever()
		}
		unix.Close(fd)
		if n > 4<<20 {
			fmt.Println("never full")
			return
		}
	}
}

func TestFilesWithoutContentHurtTheirOwnerOnly(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("/tmp has no size on this host: %v", h.Isolation().Missing)
		return
	}
	goesOn := neighbour(t, h)
	i := start(t, h, "file-bomb")
	select {
	case <-i.Done(): // it ran out of memory
	case <-i.saying("ready"):
	}
	goesOn()
	if strings.Contains(i.output.String(), "never full") {
		t.Error("/tmp takes any number of files")
	}
}

// bufferBomb fills the buffers of connections to itself, which the kernel keeps.
func bufferBomb(args []string) {
	var megabytes int
	_, err := fmt.Sscan(args[0], &megabytes)
	must(err)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	var kept []net.Conn
	block := make([]byte, 1<<20)
	total := 0
	for total < megabytes<<20 && len(kept) < 400 {
		c, err := net.DialTimeout("tcp4", listener.Addr().String(), time.Second)
		if err != nil {
			break
		}
		s, err := listener.Accept()
		if err != nil {
			break
		}
		kept = append(kept, c, s)
		for {
			must(c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)))
			n, err := c.Write(block)
			total += n
			if err != nil {
				break
			}
		}
	}
	fmt.Println("buffered", total>>20)
	ready()
	forever()
}

// tcpMemory is what the kernel keeps in buffers of all connections of the host, in bytes.
func tcpMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "TCP:"); ok {
			fields := strings.Fields(rest)
			for n := 0; n+1 < len(fields); n += 2 {
				if fields[n] == "mem" {
					pages, err := strconv.ParseInt(fields[n+1], 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					return pages * int64(os.Getpagesize())
				}
			}
		}
	}
	t.Fatalf("the kernel does not say what connections take: %s", text)
	return 0
}

// When all that the kernel allows connections on this host is used up, everybody's stall.
func TestBuffersOfConnectionsCountAsTheFunctions(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if reason, missing := h.groups.missing()[memoryController]; missing {
		t.Logf("memory is not limited on this host: %s", reason)
		return
	}
	goesOn := neighbour(t, h)
	before := tcpMemory(t)
	i := start(t, h, "buffer-bomb", "1500")
	select {
	case <-i.Done():
	case <-i.saying("ready"):
	}
	// 128 MB of memory, 512 of /tmp.
	if took := tcpMemory(t) - before; took > 640<<20 {
		t.Errorf("a function of 128 MB has %d MB in the buffers of connections; it %s", took>>20, i.output)
	}
	goesOn()
}

// hideMemory keeps memory where it is not mapped, as much as it can or is told, and says
// how much.
func hideMemory(args []string) {
	var megabytes int
	_, err := fmt.Sscan(args[1], &megabytes)
	must(err)
	block := make([]byte, 1<<20)
	kept := 0
	keep := func(n int, err error) bool {
		kept += max(n, 0)
		return err == nil
	}
	switch args[0] {
	case "memfd":
		fd, err := unix.MemfdCreate("hidden", 0)
		must(err)
		for range megabytes {
			if !keep(unix.Write(fd, block)) {
				break
			}
		}
	case "segment":
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, megabytes<<20, unix.IPC_CREAT|0o600)
		must(err)
		memory, err := unix.SysvShmAttach(id, 0, 0)
		must(err)
		for n := 0; n < len(memory); n += 4096 {
			memory[n] = 1
			kept += 4096
		}
	case "pipes":
		for range megabytes {
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK); err != nil {
				break
			}
			_, _ = unix.FcntlInt(uintptr(pipe[1]), unix.F_SETPIPE_SZ, 1<<20)
			keep(unix.Write(pipe[1], block))
		}
	case "messages":
		for range megabytes {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				break
			}
			for keep(unix.Write(pair[0], block[:64<<10])) {
			}
		}
	}
	fmt.Println("kept", kept)
	ready()
	forever()
}

func TestMemoryCannotBeHidden(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if reason, missing := h.groups.missing()[memoryController]; missing {
		t.Logf("memory is not limited on this host: %s", reason)
		return
	}
	for _, place := range []string{"memfd", "segment", "pipes", "messages"} {
		t.Run(place, func(t *testing.T) {
			goesOn := neighbour(t, h)
			i := startWith(t, h, func(s *Spec) { s.EphemeralStorage = 16 }, "hidden-memory", place, "1500")
			select {
			case <-i.Done(): // it exceeded its limit
			case <-i.saying("ready"):
				var kept int64
				if _, err := fmt.Sscan(i.says("kept "), &kept); err != nil {
					t.Fatal(err)
				}
				if counted := i.MemoryPeak(); counted < kept*3/4 {
					t.Errorf("it keeps %d MB, of which %d are counted", kept>>20, counted>>20)
				}
			}
			goesOn()
		})
	}
}
