package sandbox

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// The runtime and its shim talk over a pair of sequenced-packet sockets: one
// JSON value per packet, file descriptors beside it. The first packet is the
// runtime's shimConfig, answered by a "ready" event. Then the runtime sends
// shimRequests, which belong to launches by their number.
//
// A launch is prepared, which the shim answers with "prepared", and is assigned, which
// it answers with "started", or is discarded. In place of either answer "failed" may
// come. Whatever happens, "exited" comes last, when no process of it is left, and the
// runtime then frees the launch: what it had may be used for another.

// maxPacket bounds a packet, in bytes. The environment of a function is 4 KB, so
// that this is far away; a packet that is larger is refused when it is sent.
const maxPacket = 128 << 10

// maxDescriptors is the most descriptors a packet carries: one per extension, and
// Lambda allows ten of these.
const maxDescriptors = 16

// A shimConfig is what a shim is told once.
type shimConfig struct {
	// Namespaces is true if the shim was cloned into namespaces of its own, and
	// makes further ones for every instance.
	Namespaces bool
	// Nested is true if they include a user namespace, in which the shim has one user
	// and no more rights than its capabilities.
	Nested bool
	// RootDir is an empty folder the shim mounts the instances' root on, in its own
	// mount namespace.
	RootDir string
	// FirstUID is the first of instances' own users; 0 if they have none, and have UID.
	FirstUID int
	UID      int
	// TUN is true if instances' networks may have a TUN device.
	TUN bool
	// LimitProcesses is true if no cgroup counts an instance's processes.
	LimitProcesses bool
	// CgroupTasks are the "tasks" files of the cgroups v1 the shim is to stay in.
	CgroupTasks []string
	// Dir and Groups are the runtime's folder and its cgroups, which the shim removes
	// if the runtime dies.
	Dir    string
	Groups []string
	// Containers are to be removed then as well; nil if there are none.
	Containers *containerState
}

type requestKind string

const (
	requestPrepare requestKind = "prepare"
	requestAssign  requestKind = "assign"
	requestDiscard requestKind = "discard"
	requestFree    requestKind = "free"
	// requestSocket asks for a TCP socket in the network of the launch, which has one of
	// its own. It is answered by "socket".
	requestSocket requestKind = "socket"
	// requestBye asks the shim to end. Without it, the end of the connection means that
	// the runtime has died.
	requestBye requestKind = "bye"
)

type shimRequest struct {
	Kind    requestKind
	Launch  uint64          `json:",omitempty"`
	Prepare *prepareRequest `json:",omitempty"`
	Assign  *assignRequest  `json:",omitempty"`
}

// A prepareRequest asks for all an instance has that is of no function.
// Descriptors: the write end of its output, and if CgroupFD is set, its cgroup v2
// folder.
type prepareRequest struct {
	// Root is what the instance sees; nil leaves it the host's.
	Root *rootSpec
	// UID, also used as GID, is the instance's user, as the shim calls it; 0 keeps the
	// shim's.
	UID int
	// CgroupTasks are "tasks" files of cgroups v1 to join.
	CgroupTasks []string
	CgroupFD    bool
	Network     networkKind
	// IngressPort is where a listener besides the Runtime API's is to be opened in a
	// network namespace; 0 for none.
	IngressPort int
	// Warm, if not nil, is started at once.
	Warm *programRequest
}

// An assignRequest makes the instance a function's. Descriptors: one for the output
// of each extension.
type assignRequest struct {
	// Task, Layers and Compiled are host folders; the last two may be empty.
	Task, Layers, Compiled string
	// TmpMB is the size of /tmp.
	TmpMB int
	// Landlock is what may be done with the host's files where that is what the
	// instance sees.
	Landlock []confine.Rule
	// Extensions are started before Program, which is nil if it was started warm.
	Extensions []programRequest
	Program    *programRequest
}

// A programRequest is a program, with paths as the instance sees them.
type programRequest struct {
	Argv, Env []string
	Dir       string
}

// A rootSpec says what an instance sees besides the root that all have and its
// function's own.
type rootSpec struct {
	// Runtime is a host folder, or empty.
	Runtime string
	// Readable are host paths, seen at the same place.
	Readable []string
}

// networkKind is the network an instance is in.
type networkKind string

const (
	// hostNetwork is the host's own.
	hostNetwork networkKind = ""
	// loopbackNetwork is a network namespace with nothing but a loopback interface.
	loopbackNetwork networkKind = "loopback"
	// gatewayNetwork is one with a TUN device besides, for a gateway to serve.
	gatewayNetwork networkKind = "gateway"
)

type eventKind string

const (
	// eventReady: the shim is set up, or Error says why it cannot be, and it ends.
	eventReady eventKind = "ready"
	// eventPrepared carries what Passed says.
	eventPrepared eventKind = "prepared"
	// eventStarted carries what Passed says.
	eventStarted eventKind = "started"
	// eventFailed: nothing of the launch runs any more, or will. Errno is set if a
	// program could not be executed, the extension of that number if Extension is not
	// 0; otherwise Error says what could not be set up.
	eventFailed eventKind = "failed"
	// eventExtension carries the wait status of the extension of that number.
	eventExtension eventKind = "extension"
	// eventExited carries the wait status of the program. With namespaces nothing of
	// the instance is left by then.
	eventExited eventKind = "exited"
	// eventSocket carries a socket, or Error says why there is none.
	eventSocket eventKind = "socket"
)

type shimEvent struct {
	Kind      eventKind
	Launch    uint64       `json:",omitempty"`
	Errno     int          `json:",omitempty"`
	Error     string       `json:",omitempty"`
	Extension int          `json:",omitempty"` // counted from 1
	Status    uint32       `json:",omitempty"`
	Passed    []descriptor `json:",omitempty"`
	// Lacking says, in a ready event, which measures of the report the host does not
	// allow, and why.
	Lacking map[string]string `json:",omitempty"`
}

// descriptor says what a descriptor that is passed is.
type descriptor string

const (
	passedAPI     descriptor = "api"     // the Runtime API's listener
	passedLocal   descriptor = "local"   // the Runtime API's listener on localRuntimeAPI
	passedIngress descriptor = "ingress" // the ingress's listener
	passedWayOut  descriptor = "way out" // for the gateway
	passedTmp     descriptor = "tmp"     // the folder /tmp
	passedProcess descriptor = "proc"    // a pidfd of the program
	passedSocket  descriptor = "socket"  // a socket that is not connected
)

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
