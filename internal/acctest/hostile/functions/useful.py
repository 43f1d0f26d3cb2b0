"""Does what functions commonly do, all of which the walls around them must let through."""

import asyncio
import concurrent.futures
import ctypes
import fcntl
import glob
import hashlib
import mmap
import os
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time


def files():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "a", "b")
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as f:
            f.write("text")
            f.flush()
            os.fsync(f.fileno())
            fcntl.flock(f, fcntl.LOCK_EX)
            fcntl.lockf(f, fcntl.LOCK_EX)
        os.rename(path, os.path.join(d, "moved"))
        os.link(os.path.join(d, "moved"), os.path.join(d, "a", "linked"))
        os.symlink("moved", os.path.join(d, "symbolic"))
        shutil.copy(os.path.join(d, "symbolic"), os.path.join(d, "copy"))
        os.chmod(os.path.join(d, "copy"), 0o755)
        os.utime(os.path.join(d, "copy"), (0, 0))
        os.truncate(os.path.join(d, "copy"), 100)
        os.mkfifo(os.path.join(d, "fifo"))
        with open(os.path.join(d, "copy"), "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
            m[0:4] = b"more"
            m.flush()
        os.sync()
        assert len(glob.glob(d + "/*")) == 5, os.listdir(d)
    fd = os.memfd_create("memory")
    os.write(fd, b"x")
    assert os.sendfile(os.open("/tmp/out", os.O_CREAT | os.O_WRONLY), fd, 0, 1) == 1


def database():
    with sqlite3.connect("/tmp/database") as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table t (x)")
        db.executemany("insert into t values (?)", [(n,) for n in range(100)])
    assert db.execute("select sum(x) from t").fetchone() == (4950,)


def processes():
    assert subprocess.run(["/bin/sh", "-c", "echo $((6*7)) | cat && ulimit -c 0"], capture_output=True, check=True).stdout == b"42\n"
    script = "import time; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", script], start_new_session=True)
    child.send_signal(signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(lambda n: n, range(100))) == 4950
    read, write = os.pipe()
    if os.fork() == 0:
        os.setuid(os.getuid())
        os.setpgid(0, 0)
        os.nice(5)
        os.sched_setaffinity(0, os.sched_getaffinity(0))
        os.write(write, b"done")
        os._exit(0)
    assert os.read(read, 4) == b"done" and os.wait()[1] == 0
    ctypes.CDLL(None).prctl(15, b"name", 0, 0, 0)


def network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer, _ = server.accept()
        client.sendmsg([b"a", b"b"])
        assert peer.recv(10) == b"ab"
    one, two = socket.socketpair()
    socket.send_fds(one, [b"x"], [0])
    assert len(socket.recv_fds(two, 1, 1)[1]) == 1
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("/tmp/socket")
        s.listen()
        socket.socket(socket.AF_UNIX).connect("/tmp/socket")
    assert "lo" in [name for _, name in socket.if_nameindex()]
    socket.getaddrinfo("localhost", 80)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 53))
    ssl.create_default_context()


def waiting():
    async def both():
        process = await asyncio.create_subprocess_exec("/bin/true")
        await asyncio.gather(asyncio.sleep(0), process.wait(), asyncio.to_thread(hashlib.sha256, b"x"))

    asyncio.run(both())
    poll = select.epoll()
    poll.register(os.pipe()[0])
    poll.poll(0)
    got = threading.Event()
    signal.signal(signal.SIGALRM, lambda *_: got.set())
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    while not got.is_set():
        time.sleep(0.001)


def code():
    """Executable memory, as just-in-time compilers want it."""
    text = {"x86_64": b"\xb8\x2a\x00\x00\x00\xc3", "aarch64": b"\x40\x05\x80\x52\xc0\x03\x5f\xd6"}[os.uname().machine]
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(text)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    assert function() == 42


def handler(event, context):
    failed = []
    for f in (files, database, processes, network, waiting, code):
        try:
            f()
        except Exception as e:
            failed.append("%s: %r" % (f.__name__, e))
    return failed
