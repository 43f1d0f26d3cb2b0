"""Runs a Python function: asks the Runtime API for events, gives them to the
handler, sends the answers back. Behaves as Lambda's own client does, on CPython
3.8 and later.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

import sys
import time
from os import chdir, environ, stat

# The C module under "socket", which would import a dozen others.
import _socket

# --- Runtime API ------------------------------------------------------------

# Where the sandbox serves the Runtime API, and the socket that leads to the same.
SANDBOX_ADDRESS = "127.0.0.1:9001"
LOCAL_SOCKET = "/var/runtime-api"


def _is_socket(path):
    try:
        return stat(path).st_mode & 0o170000 == 0o140000
    except OSError:
        return False


class RuntimeAPI:
    """One HTTP/1.1 connection, kept open, one request at a time."""

    def __init__(self, address):
        self.host = address
        # The sandbox's own address may lead to a faster way, but a proxy's is what it says.
        if address == SANDBOX_ADDRESS and _is_socket(LOCAL_SOCKET):
            self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            self.socket.connect(LOCAL_SOCKET)
        else:
            host, _, port = address.rpartition(":")
            self.socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            self.socket.connect((host, int(port)))
            self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.rest = b""

    def assignment(self):
        """Waits until it is known for which function this interpreter is."""
        status, _, body = self._exchange("GET", "/tidegate/assignment")
        if status != 200:
            sys.exit(1)
        return body

    def next(self):
        return self._event(self._request("GET", "invocation/next"))

    def respond_and_next(self, request_id, body):
        """Responds and asks for the next event in one go, so that neither side is woken for
        the other's mere consent, which nobody looks at."""
        if len(body) >= 65536:
            self.respond(request_id, body)
            return self.next()
        self._send(
            self._format("POST", "/2018-06-01/runtime/invocation/%s/response" % request_id, body)
            + self._format("GET", "/2018-06-01/runtime/invocation/next")
        )
        self._answer()
        return self._event(self._answer())

    def _event(self, answer):
        status, headers, body = answer
        if status != 200:
            raise RuntimeError("the Runtime API answered /next with status %d" % status)
        return headers, body

    def respond(self, request_id, body):
        self._request("POST", "invocation/%s/response" % request_id, body)

    def fail(self, request_id, error):
        self._request("POST", "invocation/%s/error" % request_id, to_json(error), error["errorType"])

    def init_failed(self, error):
        self._request("POST", "init/error", to_json(error), error["errorType"])

    def _request(self, method, where, body=None, error_type=None):
        return self._exchange(method, "/2018-06-01/runtime/" + where, body, error_type)

    def _exchange(self, method, path, body=None, error_type=None):
        self._send(self._format(method, path, body, error_type))
        return self._answer()

    def _format(self, method, path, body=None, error_type=None):
        head = "%s %s HTTP/1.1\r\nHost: %s\r\n" % (method, path, self.host)
        if error_type is not None:
            head += "Lambda-Runtime-Function-Error-Type: %s\r\n" % error_type.encode("ascii", "replace").decode()
        if body is not None:
            head += "Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        return (head + "\r\n").encode("ascii") + (body or b"")

    def _answer(self):
        while True:
            status, headers = self._head()
            if status >= 200:  # 100 Continue and its like come before the answer
                break
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return status, headers, self._chunks()
        return status, headers, self._read(int(headers.get("content-length", 0)))

    def _send(self, data):
        sent = self.socket.send(data)
        if sent < len(data):
            view = memoryview(data)
            while sent < len(data):
                sent += self.socket.send(view[sent:])

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            sys.exit(1)  # the runtime is gone, or has given this instance up
        return data

    def _until(self, mark):
        parts, tail = [self.rest], self.rest
        while mark not in tail:
            data = self._receive()
            parts.append(data)
            tail = tail[-len(mark) + 1:] + data
        before, _, self.rest = b"".join(parts).partition(mark)
        return before

    def _read(self, length):
        if len(self.rest) >= length:
            body, self.rest = self.rest[:length], self.rest[length:]
            return body
        body = bytearray(length)
        have = len(self.rest)
        body[:have], self.rest = self.rest, b""
        view = memoryview(body)
        while have < length:
            got = self.socket.recv_into(view[have:])
            if not got:
                sys.exit(1)
            have += got
        view.release()
        return bytes(body)

    def _chunks(self):
        parts = []
        while True:
            size = int(self._until(b"\r\n").partition(b";")[0], 16)
            if size == 0:
                break
            parts.append(self._read(size))
            self._until(b"\r\n")
        while self._until(b"\r\n"):  # trailers
            pass
        return b"".join(parts)

    def _head(self):
        # Names compare without case. Values are UTF-8, though HTTP says Latin-1.
        lines = self._until(b"\r\n\r\n").decode("utf-8", "replace").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(lines[0].split(" ", 2)[1]), headers


def to_json(value):
    return dumps(value).encode("utf-8")


# --- Context ----------------------------------------------------------------


class Bag:
    """An object with the attributes it is given."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % item for item in self.__dict__.items()))


class CognitoIdentity(Bag):
    pass


class Client(Bag):
    pass


class ClientContext(Bag):
    pass


class LambdaContext(Bag):
    def __init__(self, headers):
        super().__init__(
            aws_request_id=headers.get("lambda-runtime-aws-request-id"),
            log_group_name=environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            log_stream_name=environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME"),
            memory_limit_in_mb=environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            function_version=environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
            invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn"),
            tenant_id=headers.get("lambda-runtime-aws-tenant-id"),
            client_context=client_context(headers.get("lambda-runtime-client-context")),
            identity=cognito_identity(headers.get("lambda-runtime-cognito-identity")),
            _epoch_deadline_time_in_ms=int(headers.get("lambda-runtime-deadline-ms", 0)),
        )

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


def cognito_identity(header):
    value = loads(header) if header else {}
    return CognitoIdentity(
        cognito_identity_id=value.get("cognitoIdentityId"),
        cognito_identity_pool_id=value.get("cognitoIdentityPoolId"),
    )


def client_context(header):
    if not header:
        return None
    value = loads(header)
    names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    client = value.get("client")
    return ClientContext(
        custom=value.get("custom"),
        env=value.get("env"),
        client=Client(**{name: client.get(name) for name in names}) if client else None,
    )


# --- Errors -----------------------------------------------------------------


class Fault(Exception):
    """What is wrong with the function itself, as Lambda names it."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.message, self.trace = "Runtime." + kind, message, list(trace)


def error_object(error, request_id):
    """The object Lambda answers with when a function fails."""
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        import traceback

        frames = traceback.extract_tb(error.__traceback__)
        own = main.__code__.co_filename
        trace = traceback.format_list([frame for frame in frames if frame.filename != own])
        kind, message = type(error).__name__, str(error)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def log_error(error):
    """One entry of the log: \\r is a line break within it."""
    lines = ["[ERROR] %s: %s" % (error["errorType"], error["errorMessage"])]
    if error["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        for entry in error["stackTrace"]:
            lines.extend(entry.rstrip("\n").split("\n"))
    sys.stdout.write("\r".join("\r".join(lines).split("\n")) + "\n")


# --- Logging ----------------------------------------------------------------

current_request = None


class LoggingFinder:
    """Sets Lambda's log handler up when, and only if, logging is imported."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(LoggingFinder)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                execute = spec.loader.exec_module

                def exec_module(module):
                    execute(module)
                    set_up_logging(module)

                spec.loader.exec_module = exec_module
                return spec
        return None


def set_up_logging(logging):
    class LambdaHandler(logging.Handler):
        def emit(self, record):
            sys.stdout.write(self.format(record).replace("\n", "\r") + "\n")

    class RequestFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = current_request or ""
            return True

    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = LambdaHandler()
    handler.setFormatter(formatter)
    handler.addFilter(RequestFilter())
    logging.getLogger().addHandler(handler)


# --- The user's module ------------------------------------------------------


def set_path(root):
    """The package first, then layers, then what the interpreter brings."""
    first = [root] + [entry for entry in environ.get("PYTHONPATH", "").split(":") if entry]
    library = "%s/lib/python%d.%d/" % ((sys.prefix,) + sys.version_info[:2])
    last = [library + "site-packages", library + "dist-packages", sys.prefix + "/lib/python3/dist-packages"]
    sys.path[:] = first + sys.path + last
    return first


def load_handler(name):
    module_name, dot, function_name = name.rpartition(".")
    if not dot or not module_name:
        raise Fault("MalformedHandlerName", "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    module_name = module_name.replace("/", ".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("ImportModuleError", "Cannot use built-in module %s as a handler module" % module_name)
    try:
        __import__(module_name)
        module = sys.modules[module_name]
    except ImportError as error:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        raise Fault(
            "UserCodeSyntaxError",
            "Syntax error in module '%s': %s" % (module_name, error),
            ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, (error.text or "").strip())],
        )
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


# --- Start before the function is known -------------------------------------


def preload():
    """Imports what every start does, and returns the names of the modules."""
    before = set(sys.modules)
    import json  # noqa: F401

    return [name for name in sys.modules if name not in before]


def assume(assignment):
    """Makes the environment and the folder those the process would have been started with."""
    from json import loads

    assignment = loads(assignment)
    # Python sets it where the host lacks LANG, https://peps.python.org/pep-0538/.
    coerced = environ.get("LC_CTYPE")
    environ.clear()
    for variable in assignment["env"]:
        name, _, value = variable.partition("=")
        environ[name] = value
    if coerced is not None:
        environ["LC_CTYPE"] = coerced
    chdir(assignment["cwd"])


def forget_shadowed(preloaded, first):
    """Forgets the modules loaded early if the package or a layer brings one of that name, which
    would have been taken instead."""
    find = sys.meta_path[-1].find_spec
    for name in preloaded:
        if "." in name or sys.modules[name].__spec__.origin in ("built-in", "frozen"):
            continue
        spec = find(name, first)
        if spec is not None and spec.loader is not None:  # without a loader it is a folder like any other
            for each in preloaded:
                del sys.modules[each]
            return


# --- Trace id ---------------------------------------------------------------

TRACE_ID = "_X_AMZN_TRACE_ID"

# What is audited before a program or a process starts.
STARTS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn")
)


def set_trace_id(value):
    """Sets the variable that each event sets, or removes it.

    The C library keeps every value that a variable has had, and searches all of them for
    the next one. So it gets the value when a program is started; who looks into
    os.environ finds it there."""
    if value is None:
        environ.pop(TRACE_ID, None)
    else:
        environ._data[environ.encodekey(TRACE_ID)] = environ.encodevalue(value)


def tell_trace_id(event, _):
    if event in STARTS and TRACE_ID in environ:
        environ[TRACE_ID] = environ[TRACE_ID]


# --- Invocations ------------------------------------------------------------


def answer(handler, headers, body):
    try:
        event = loads(body)
    except ValueError as error:
        raise Fault("UnmarshalError", "Unable to unmarshal input: %s" % error)
    result = handler(event, LambdaContext(headers))
    try:
        return to_json(result)
    except Exception as error:
        raise Fault("MarshalError", "Unable to marshal response: %s" % error)


def main():
    global current_request, dumps, loads
    api = RuntimeAPI(environ["AWS_LAMBDA_RUNTIME_API"])
    preloaded = []
    if "_HANDLER" not in environ:  # started before it is known for what
        preloaded = preload()
        assume(api.assignment())
    first = set_path(environ["LAMBDA_TASK_ROOT"])
    forget_shadowed(preloaded, first)
    sys.meta_path.insert(0, LoggingFinder)
    # Not on top: a package may bring a json of its own, and its path is set only now.
    from json import dumps, loads

    try:
        handler = load_handler(environ["_HANDLER"])
    except Exception as failure:
        error = error_object(failure, "")
        log_error(error)
        api.init_failed(error)
        sys.exit(1)
    sys.addaudithook(tell_trace_id)
    event = None
    while True:
        headers, body = event or api.next()
        event = None
        current_request = headers["lambda-runtime-aws-request-id"]
        set_trace_id(headers.get("lambda-runtime-trace-id"))
        try:
            result = answer(handler, headers, body)
        except Exception as failure:
            error = error_object(failure, current_request)
            log_error(error)
            api.fail(current_request, error)
        else:
            event = api.respond_and_next(current_request, result)


main()
