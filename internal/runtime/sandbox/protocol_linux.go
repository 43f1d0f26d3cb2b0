package sandbox

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// The runtime and its shim talk over a pair of sequenced-packet sockets: one
// JSON value per packet, file descriptors beside it. The first packet is the
// runtime's shimConfig, answered by a "ready" event. Then the runtime sends
// launchRequests; the shim answers each with "started" or "failed", and sends
// "exited" for every instance that had started.

// maxPacket bounds a packet, in bytes. The environment of a function is 4 KB, so
// that this is far away; a packet that is larger is refused when it is sent.
const maxPacket = 128 << 10

// maxDescriptors is the most descriptors a packet carries.
const maxDescriptors = 2

// A shimConfig is what a shim is told once.
type shimConfig struct {
	// Namespaces is true if the shim was cloned into namespaces of its own, and
	// makes further ones for every instance.
	Namespaces bool
	// RootDir is an empty folder the shim mounts the instances' root on, in its own
	// mount namespace.
	RootDir string
	// OwnUsers is true if instances get users of their own; else they have UID.
	OwnUsers bool
	UID      int
	// CgroupTasks are the "tasks" files of the cgroups v1 the shim is to stay in.
	CgroupTasks []string
	// Dir and Groups are the runtime's folder and its cgroups, which the shim removes
	// if the runtime dies.
	Dir    string
	Groups []string
}

// A launchRequest asks for one instance. Descriptors: the write end of its
// output, and if CgroupFD is set, its cgroup v2 folder.
type launchRequest struct {
	// Bye asks for nothing but that the shim ends. Without it, the end of the
	// connection means that the runtime has died.
	Bye    bool
	Launch uint64
	Argv   []string
	Env    []string
	// Dir is the working folder, as the instance sees it.
	Dir string
	// Root is what the instance sees; nil leaves it the host's.
	Root *rootSpec
	// UID, also used as GID, is the instance's user; 0 keeps the shim's.
	UID int
	// CgroupTasks are "tasks" files of cgroups v1 to join.
	CgroupTasks []string
	CgroupFD    bool
	// Landlock is what may be done with the host's files where Root is nil.
	Landlock []landlockRule
}

// A rootSpec says what an instance sees besides the root that all have.
type rootSpec struct {
	// Task, Layers and Runtime are host folders; the last two may be empty.
	Task, Layers, Runtime string
	// Readable are host paths, seen at the same place.
	Readable []string
	// TmpMB is the size of /tmp.
	TmpMB int
}

type eventKind string

const (
	// eventReady: the shim is set up, or Error says why it cannot be, and it ends.
	eventReady eventKind = "ready"
	// eventStarted carries a pidfd and, if there is a rootSpec, the folder /tmp.
	eventStarted eventKind = "started"
	// eventFailed: nothing runs. Errno is set if the program could not be executed;
	// otherwise Error says what could not be set up.
	eventFailed eventKind = "failed"
	// eventExited carries the wait status. With namespaces nothing of the instance
	// is left by then.
	eventExited eventKind = "exited"
)

type shimEvent struct {
	Kind   eventKind
	Launch uint64 `json:",omitempty"`
	Errno  int    `json:",omitempty"`
	Error  string `json:",omitempty"`
	Status uint32 `json:",omitempty"`
}

// A conn is one end of the pair. Packets may be sent from any goroutine.
type conn struct{ *net.UnixConn }

// newConn takes the descriptor over.
func newConn(fd int) (conn, error) {
	f := os.NewFile(uintptr(fd), "shim socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return conn{}, err
	}
	unixConn, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return conn{}, fmt.Errorf("descriptor %d is no unix socket", fd)
	}
	return conn{unixConn}, nil
}

func (c conn) send(value any, descriptors ...int) error {
	packet, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(packet) > maxPacket {
		return fmt.Errorf("arguments and environment take %d bytes; at most %d fit", len(packet), maxPacket)
	}
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	_, _, err = c.WriteMsgUnix(packet, rights, nil)
	return err
}

// receive fills value and returns the descriptors, which are the caller's to
// close. The error is io.EOF when the other end is gone.
func (c conn) receive(value any) ([]int, error) {
	packet := make([]byte, maxPacket)
	rights := make([]byte, unix.CmsgSpace(4*maxDescriptors))
	n, rightsN, flags, _, err := c.ReadMsgUnix(packet, rights)
	if err != nil {
		return nil, err
	}
	descriptors, err := descriptorsOf(rights[:rightsN])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = fmt.Errorf("a packet between runtime and shim was cut off")
	}
	if err == nil {
		err = json.Unmarshal(packet[:n], value)
	}
	if err != nil {
		closeAll(descriptors)
		return nil, err
	}
	return descriptors, nil
}

func descriptorsOf(rights []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	var descriptors []int
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return descriptors, err
		}
		descriptors = append(descriptors, fds...)
	}
	return descriptors, nil
}

func closeAll(descriptors []int) {
	for _, fd := range descriptors {
		unix.Close(fd)
	}
}
