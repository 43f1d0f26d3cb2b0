'use strict';
// Runs a Node.js function: asks the Runtime API for events, gives them to the
// handler, sends the answers back. Behaves as Lambda's own client does.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html

const net = require('net');
const fs = require('fs');
const path = require('path');

const { writeSync } = fs;
const env = process.env;

const TRAILER_TYPE = 'Lambda-Runtime-Function-Error-Type';
const TRAILER_BODY = 'Lambda-Runtime-Function-Error-Body';

// --- Runtime API -----------------------------------------------------------

// Where the sandbox serves the Runtime API, and the socket that leads to the same.
const SANDBOX_ADDRESS = '127.0.0.1:9001';
const LOCAL_SOCKET = '/var/runtime-api';

// What is read and written at once.
const SMALL = 65536;

// One HTTP/1.1 connection, kept open, one request at a time. Node's own http
// module would cost more than the rest of the start, and its streams more than the
// rest of an invocation: so what is read comes into one buffer, and what is small is
// written right to the descriptor.
class RuntimeAPI {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    // The sandbox's own address may lead to a faster way, but a proxy's is what it says.
    const local = address === SANDBOX_ADDRESS && fs.statSync(LOCAL_SOCKET, { throwIfNoEntry: false })?.isSocket();
    this.host = address;
    this.input = Buffer.allocUnsafeSlow(SMALL);
    this.socket = net.connect({
      ...local ? { path: LOCAL_SOCKET } : { host: address.slice(0, colon), port: Number(address.slice(colon + 1)), noDelay: true },
      onread: { buffer: this.input, callback: (length) => { this.#read(length); return true; } },
    });
    this.descriptor = undefined; // until it is connected
    this.socket.once('connect', () => { this.descriptor = this.socket._handle?.fd; });
    // The runtime is gone, or has given this instance up.
    this.socket.on('error', () => process.exit(1));
    this.socket.on('close', () => process.exit(1));
    this.buffered = [];
    this.bufferedLength = 0;
    this.parser = null;
    this.resolve = null;
    // ignored is how many responses come before the one that is waited for.
    this.ignored = 0;
  }

  // Keeps the process alive, or does not, while the function has nothing to do.
  hold() { this.socket.ref(); }
  letGo() { this.socket.unref(); }

  // Waits until it is known for which function this process is.
  async assignment() {
    const { head, body } = await this.#exchange('GET', '/tidegate/assignment', '', null);
    if (head.status !== 200) process.exit(1);
    return JSON.parse(body);
  }

  // Asks for the next event; take gets the head and the body of what comes.
  next(take) {
    this.#expect(take);
    this.#send(this.#next(), 0);
  }

  respond(id, body) {
    return this.#request('POST', `invocation/${id}/response`, 'Content-Type: application/json\r\n', body);
  }

  // Responds and asks for the next event in one go, so that neither side is woken
  // for the other's mere consent, which nobody looks at.
  respondAndNext(id, body, take) {
    if (body.length >= SMALL) {
      this.respond(id, body).then(() => this.next(take));
      return;
    }
    const length = Buffer.byteLength(body);
    this.ignored = 1;
    this.#expect(take);
    this.#send(`POST /2018-06-01/runtime/invocation/${id}/response HTTP/1.1\r\nHost: ${this.host}\r\n`
      + `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}${this.#next()}`, length - body.length);
  }

  fail(id, error) { return this.#report(`invocation/${id}/error`, error); }

  // Begins an answer in streaming mode. What the runtime answers to it may come
  // before its end.
  beginStream(id, contentType) {
    this.streaming = new Promise((resolve) => { this.resolve = resolve; });
    this.socket.write(
      `POST /2018-06-01/runtime/invocation/${id}/response HTTP/1.1\r\nHost: ${this.host}\r\n`
      + `Content-Type: ${contentType.replace(/[^\x20-\x7e]/g, '')}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n`
      + `Transfer-Encoding: chunked\r\nTrailer: ${TRAILER_TYPE}, ${TRAILER_BODY}\r\n\r\n`);
    return this.streaming;
  }

  // Calls back when the socket has room for more.
  sendChunk(bytes, done) {
    if (bytes.length === 0) return void done();
    this.socket.cork();
    this.socket.write(`${bytes.length.toString(16)}\r\n`);
    this.socket.write(bytes);
    this.socket.write('\r\n', done);
    this.socket.uncork();
  }

  // Ends whatever answer is under way with an error.
  crash(id, error) {
    this.hold();
    if (this.streaming === undefined) return this.fail(id, error);
    const answer = this.streaming;
    this.endStream(error);
    return answer;
  }

  endStream(error) {
    this.streaming = undefined;
    let trailers = '';
    if (error !== undefined) {
      trailers = `${TRAILER_TYPE}: ${error.errorType.replace(/[^\x20-\x7e]/g, '')}\r\n`
        + `${TRAILER_BODY}: ${Buffer.from(JSON.stringify(error)).toString('base64')}\r\n`;
    }
    this.socket.write(`0\r\n${trailers}\r\n`);
  }

  // Gives what was compiled to the runtime, for instances to come.
  compiled(body) { return this.#exchange('POST', '/tidegate/compiled', '', body); }

  initFailed(error) { return this.#report('init/error', error); }

  #report(where, error) {
    const type = error.errorType.replace(/[^\x20-\x7e]/g, '');
    return this.#request('POST', where,
      `Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: ${type}\r\n`, JSON.stringify(error));
  }

  // What it would make of an answer. It writes nothing, in the usual way.
  rehearse(answer) {
    const waiting = this.resolve;
    let response;
    if (this.bufferedLength === 0) {
      this.resolve = (head, body) => { response = { head, body }; };
      this.#read(this.input.latin1Write(answer));
      this.resolve = waiting;
      this.#send('', 0);
    }
    return response ?? { head: new Head(), body: '{}' };
  }

  #request(method, where, headers, body) {
    return this.#exchange(method, `/2018-06-01/runtime/${where}`, headers, body);
  }

  #exchange(method, target, headers, body) {
    const length = body === null ? 0 : Buffer.byteLength(body);
    const text = `${method} ${target} HTTP/1.1\r\nHost: ${this.host}\r\n${headers}`
      + `${body === null ? '' : `Content-Length: ${length}\r\n`}\r\n`;
    return new Promise((resolve) => {
      this.resolve = (head, got) => resolve({ head, body: got });
      if (body === null || typeof body === 'string' && body.length < SMALL) {
        this.#send(text + (body ?? ''), body === null ? 0 : length - body.length);
      } else {
        this.socket.cork();
        this.socket.write(text);
        this.socket.write(body);
        this.socket.uncork();
      }
    });
  }

  #next() { return `GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: ${this.host}\r\n\r\n`; }

  #expect(take) {
    this.resolve = (head, body) => {
      if (head.status !== 200) throw new Error(`the Runtime API answered /next with status ${head.status}`);
      take(head, body);
    };
  }

  // Writes a text; more is how many bytes it has beyond its characters.
  #send(text, more) {
    let sent = 0;
    if (this.descriptor !== undefined && this.socket.writableLength === 0) {
      try {
        sent = writeSync(this.descriptor, text, null, more === 0 ? 'latin1' : 'utf8');
      } catch {
        // It is full, or broken, which the socket says in its own way.
      }
      if (sent === text.length + more) return;
    }
    this.socket.write(Buffer.from(text).subarray(sent));
  }

  // Takes what was read into the buffer. Nearly always that is one answer, or the
  // consent to the last one and the next event.
  #read(length) {
    let at = 0;
    if (this.bufferedLength === 0 && this.parser === null) {
      const text = this.input.latin1Slice(0, length);
      while (at < length) {
        const head = parseHead(text, at);
        if (head === null || head.chunked || head.status < 200 || head.end + head.length > length) break;
        at = head.end + head.length;
        if (this.ignored > 0) {
          this.ignored--;
        } else {
          this.#resolved(head, this.input.utf8Slice(head.end, at));
        }
      }
    }
    // The buffer will be used again.
    if (at < length) this.#received(Buffer.from(this.input.subarray(at, length)));
  }

  #resolved(head, body) {
    const { resolve } = this;
    this.resolve = null;
    resolve(head, body);
  }

  // Takes a part of an answer.
  #received(chunk) {
    this.buffered.push(chunk);
    this.bufferedLength += chunk.length;
    if (this.parser === null) {
      const bytes = this.#all();
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.parser = parseHead(bytes.latin1Slice(0, end + 4), 0);
      this.#keep(bytes.subarray(end + 4));
    }
    const head = this.parser;
    const body = head.chunked ? this.#chunkedBody() : this.#plainBody();
    if (body === null) return;
    this.parser = null;
    if (head.status < 200 || this.ignored > 0) { // 100 Continue and its like come before the answer
      if (head.status >= 200) this.ignored--;
      if (this.bufferedLength > 0) this.#received(Buffer.alloc(0));
      return;
    }
    this.#resolved(head, body.utf8Slice());
  }

  #plainBody() {
    const { length } = this.parser;
    if (this.bufferedLength < length) return null;
    const bytes = this.#all();
    this.#keep(bytes.subarray(length));
    return bytes.subarray(0, length);
  }

  // Takes whole chunks off the front as they come, so that a long body is looked
  // at once.
  #chunkedBody() {
    const { chunks } = this.parser;
    if (this.bufferedLength < this.parser.wanted) return null;
    const bytes = this.#all();
    let at = 0;
    for (;;) {
      const line = bytes.indexOf('\r\n', at);
      if (line < 0) break;
      const size = parseInt(bytes.latin1Slice(at, line), 16);
      if (!(size >= 0)) throw new Error('the Runtime API sent a malformed chunk');
      if (size === 0) {
        // Trailers end with an empty line; without any it is this one.
        const last = bytes.latin1Slice(line, line + 4) === '\r\n\r\n' ? line : bytes.indexOf('\r\n\r\n', line);
        if (last < 0) break;
        this.#keep(bytes.subarray(last + 4));
        return Buffer.concat(chunks);
      }
      if (bytes.length < line + 2 + size + 2) {
        this.parser.wanted = line + 2 + size + 2 - at;
        break;
      }
      chunks.push(bytes.subarray(line + 2, line + 2 + size));
      at = line + 2 + size + 2;
      this.parser.wanted = 0;
    }
    this.#keep(bytes.subarray(at));
    return null;
  }

  #all() {
    if (this.buffered.length !== 1) this.buffered = [Buffer.concat(this.buffered)];
    return this.buffered[0];
  }

  #keep(bytes) {
    this.buffered = bytes.length > 0 ? [bytes] : [];
    this.bufferedLength = bytes.length;
  }
}

// What is looked at of an answer's head. Header values are text, or undefined.
class Head {
  status = 0;
  end = 0; // where the body begins
  length = 0;
  chunked = false;
  requestID = undefined;
  deadline = undefined;
  functionArn = undefined;
  traceID = undefined;
  clientContext = undefined;
  identity = undefined;
  tenantID = undefined;
  // chunks of a chunked body that are there, and how many bytes the next wants.
  chunks = undefined;
  wanted = 0;
}

const FIELDS = new Map([
  ['content-length', 'length'],
  ['transfer-encoding', 'chunked'],
  ['lambda-runtime-aws-request-id', 'requestID'],
  ['lambda-runtime-deadline-ms', 'deadline'],
  ['lambda-runtime-invoked-function-arn', 'functionArn'],
  ['lambda-runtime-trace-id', 'traceID'],
  ['lambda-runtime-client-context', 'clientContext'],
  ['lambda-runtime-cognito-identity', 'identity'],
  ['lambda-runtime-aws-tenant-id', 'tenantID'],
]);

// fieldOf says which field a header is. It remembers names as they are spelt: a
// server always spells them alike, and has only so many.
const spelt = new Map();
function fieldOf(name) {
  let field = spelt.get(name);
  if (field === undefined) {
    field = FIELDS.get(name.toLowerCase()) ?? '';
    if (spelt.size < 64) spelt.set(name, field);
  }
  return field;
}

// parseHead reads the head that begins there; null if not all of it is there.
function parseHead(text, at) {
  const head = new Head();
  head.status = Number(text.slice(at + 9, at + 12)); // after "HTTP/1.1 "
  for (let end = text.indexOf('\r\n', at); end >= 0;) {
    const begin = end + 2;
    end = text.indexOf('\r\n', begin);
    if (end === begin) {
      head.end = end + 2;
      return head;
    }
    const colon = text.indexOf(':', begin);
    const field = fieldOf(text.slice(begin, colon));
    if (field === '') continue;
    const value = text.slice(colon + 1, end).trim();
    if (field === 'length') {
      head.length = Number(value);
    } else if (field === 'chunked') {
      head.chunked = value.toLowerCase().includes('chunked');
      head.chunks = [];
    } else {
      head[field] = value;
    }
  }
  return null;
}

// Header values are UTF-8 though HTTP hands them over as Latin-1.
const utf8 = (value) => Buffer.from(value, 'latin1').toString('utf8');

// --- Trace id ---------------------------------------------------------------

const TRACE_ID = '_X_AMZN_TRACE_ID';

// The variable that each event sets. The C library keeps every value that a variable
// has had, and searches all of them for the next one: a leak, and soon a third of the
// time that an invocation takes. So it gets the value when somebody lists the
// variables, to start a program with them for instance, and who reads this one is
// given it from here.
const traceID = {
  value: undefined,
  known: undefined, // to the C library
  set(value) { this.value = value; },
  tell() {
    if (this.known === this.value) return;
    this.known = this.value;
    if (this.value === undefined) delete env[TRACE_ID];
    else env[TRACE_ID] = this.value;
  },
};

process.env = new Proxy(env, {
  get: (target, name) => (name === TRACE_ID ? traceID.value : target[name]),
  set(target, name, value) {
    target[name] = value;
    if (name === TRACE_ID) traceID.value = traceID.known = target[name];
    return true;
  },
  deleteProperty(target, name) {
    if (name === TRACE_ID) traceID.value = traceID.known = undefined;
    return delete target[name];
  },
  has(target, name) {
    traceID.tell();
    return name in target;
  },
  ownKeys(target) {
    traceID.tell();
    return Reflect.ownKeys(target);
  },
  getOwnPropertyDescriptor(target, name) {
    traceID.tell();
    return Reflect.getOwnPropertyDescriptor(target, name);
  },
});

// --- Errors ----------------------------------------------------------------

class RuntimeError extends Error {
  constructor(name, message, cause) {
    super(message);
    this.name = `Runtime.${name}`;
    if (cause?.stack !== undefined) this.stack = cause.stack;
  }
}

const isError = (value) => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';

// The object Lambda answers with when a function fails.
function errorObject(error) {
  try {
    if (!isError(error)) {
      return { errorType: typeof error, errorMessage: String(error), trace: [] };
    }
    return {
      errorType: String(error.name ?? 'Error'),
      errorMessage: String(error.message),
      trace: String(error.stack ?? '').split('\n'),
    };
  } catch {
    return { errorType: 'handled', errorMessage: 'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack', trace: [] };
  }
}

// The same for the log: with the properties the error has of its own.
function errorText(error) {
  try {
    if (!isError(error)) return JSON.stringify(errorObject(error));
    const { errorType, errorMessage, trace } = errorObject(error);
    return JSON.stringify({ errorType, errorMessage, ...error, stack: trace });
  } catch {
    const { errorType, errorMessage, trace } = errorObject(error);
    return JSON.stringify({ errorType, errorMessage, stack: trace });
  }
}

// --- Console ---------------------------------------------------------------

let requestID;

// Lambda's lines: time, request, level and message with tabs in between. What
// would break a message over several lines becomes \r, so that it stays one
// entry of the log.
function patchConsole() {
  const { format } = require('util');
  const line = (level, message) =>
    process.stdout.write(`${new Date().toISOString()}\t${requestID}\t${level}\t${message.replace(/\n/g, '\r')}\n`);
  const method = (level) => (...parameters) => {
    if (parameters.includes(process.env)) traceID.tell(); // to print one, its proxy is passed by
    line(level, format(...parameters));
  };
  console.log = method('INFO');
  console.info = method('INFO');
  console.debug = method('DEBUG');
  console.warn = method('WARN');
  console.error = method('ERROR');
  console.fatal = method('FATAL');
  console.trace = (...parameters) => {
    const here = { name: 'Trace', message: format(...parameters) };
    here.toString = () => (here.message ? `Trace: ${here.message}` : 'Trace');
    Error.captureStackTrace(here, console.trace);
    line('TRACE', here.stack);
  };
}

// --- The user's module -----------------------------------------------------

async function loadHandler(root, handler) {
  if (handler.includes('..')) {
    throw new RuntimeError('MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const name = path.basename(handler);
  const folder = handler.slice(0, handler.length - name.length);
  const dot = name.indexOf('.');
  if (dot < 0) throw new RuntimeError('MalformedHandlerName', 'Bad handler');

  let module;
  try {
    module = await loadModule(root, folder, name.slice(0, dot));
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('UserCodeSyntaxError', String(error), error);
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      throw new RuntimeError('ImportModuleError', String(error), error);
    }
    throw error;
  }
  const find = (from) => name.slice(dot + 1).split('.').reduce((object, key) => object?.[key], from);
  const found = find(module) ?? find(module?.default);
  if (found === undefined || found === null) throw new RuntimeError('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new RuntimeError('HandlerNotFound', `${handler} is not a function`);
  return found;
}

async function loadModule(root, folder, name) {
  const file = path.resolve(root, folder, name);
  const isFile = (candidate) => fs.statSync(candidate, { throwIfNoEntry: false })?.isFile() ?? false;
  const load = (candidate) => import(require('url').pathToFileURL(candidate).href);
  if (isFile(file)) return require(file);
  if (isFile(`${file}.js`)) return isModule(file) ? load(`${file}.js`) : require(`${file}.js`);
  if (isFile(`${file}.mjs`)) return load(`${file}.mjs`);
  if (isFile(`${file}.cjs`)) return require(`${file}.cjs`);
  // A folder with an index, or a package.
  return require(require.resolve(`./${path.join(folder, name)}`, { paths: [root] }));
}

// Whether .js beside this path means an ES module: the nearest package.json says.
function isModule(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module';
    } catch (error) {
      if (error.code !== 'ENOENT') return false;
    }
    if (path.basename(dir) === 'node_modules' || dir === path.dirname(dir)) return false;
  }
}

// --- Invocations -----------------------------------------------------------

// What to do when nothing is left to run, and when something fails that nobody
// waits for. Each invocation sets its own.
let onEmptyLoop = null;
let onCrash = null;

process.on('beforeExit', () => {
  const act = onEmptyLoop;
  onEmptyLoop = null;
  act?.();
});
process.on('uncaughtException', (error) => {
  console.error('Uncaught Exception', `\t${errorText(error)}`);
  onCrash(error, 129);
});
process.on('unhandledRejection', (reason) => {
  const error = new RuntimeError('UnhandledPromiseRejection', String(reason), isError(reason) ? reason : undefined);
  console.error('Unhandled Promise Rejection', `\t${errorText(error)}`);
  onCrash(error, 128);
});

function parseHeader(value) {
  if (value === undefined || value === '') return undefined;
  try {
    return JSON.parse(utf8(value));
  } catch {
    throw new Error(`Cannot parse as JSON: ${utf8(value)}`);
  }
}

function contextOf(head) {
  const deadline = Number(head.deadline);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parseHeader(head.clientContext),
    identity: parseHeader(head.identity),
    invokedFunctionArn: head.functionArn,
    awsRequestId: head.requestID,
    tenantId: head.tenantID,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

// Runs one event to its end. settle gets {error} or {result}: what a promise or
// the first call of a callback gave, or null when nothing is left to run.
function invoke(handler, event, context, settle) {
  let settled = false;
  const settleSoon = (outcome) => queueMicrotask(() => settle(outcome));
  const finish = (outcome, wait) => {
    if (settled) return;
    settled = true;
    if (wait && context.callbackWaitsForEmptyEventLoop) {
      onEmptyLoop = () => settle(outcome);
    } else {
      onEmptyLoop = null;
      settleSoon(outcome);
    }
  };
  onEmptyLoop = () => { settled = true; settle({ result: null }); };
  const callback = (error, result) =>
    finish(error === undefined || error === null ? { result } : { error }, true);
  context.succeed = (result) => finish({ result }, false);
  context.fail = (error) => finish({ error: error ?? 'handled' }, false);
  context.done = (error, result) =>
    finish(error === undefined || error === null ? { result } : { error }, false);

  try {
    const returned = handler(event, context, callback);
    if (typeof returned?.then === 'function') {
      const settleNow = (outcome) => {
        if (settled) return;
        settled = true;
        onEmptyLoop = null;
        settle(outcome);
      };
      returned.then((result) => settleNow({ result }), (error) => settleNow({ error }));
    }
  } catch (error) {
    finish({ error }, false);
  }
}

// --- Response streaming ----------------------------------------------------

// https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const INTEGRATION = 'application/vnd.awslambda.http-integration-response';

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = 'response';
    if (typeof options?.highWaterMark !== 'undefined') handler[HIGH_WATER_MARK] = parseInt(options.highWaterMark, 10);
    return handler;
  },
  HttpResponseStream: class HttpResponseStream {
    // The metadata goes before the body, as JSON and eight NULs.
    static from(stream, prelude) {
      stream.setContentType(INTEGRATION);
      stream._onBeforeFirstWrite = (write) => {
        write(JSON.stringify(prelude ?? {}));
        write(Buffer.alloc(8));
      };
      return stream;
    }
  },
};

// The stream that a streaming handler writes its answer to. The answer begins with
// the first write, so that what fails before is an ordinary error.
function responseStream(api, id, highWaterMark) {
  const { Writable } = require('stream');
  let contentType = 'application/octet-stream';
  const stream = new Writable({
    highWaterMark: Number.isNaN(highWaterMark) ? undefined : highWaterMark,
    write(chunk, encoding, done) {
      start();
      api.sendChunk(chunk, done);
    },
    final(done) {
      start();
      done();
    },
  });
  const start = () => {
    if (stream.answer !== undefined) return;
    stream.answer = api.beginStream(id, contentType);
    stream._onBeforeFirstWrite?.((part) => api.sendChunk(Buffer.from(part), () => {}));
  };
  const write = stream.write;
  stream.write = function (chunk, ...rest) {
    const plain = typeof chunk === 'string' || chunk instanceof Uint8Array || chunk === null || chunk === undefined;
    return write.call(this, plain ? chunk : JSON.stringify(chunk), ...rest);
  };
  stream.setContentType = (type) => {
    if (stream.answer !== undefined) {
      throw new RuntimeError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    }
    contentType = String(type);
  };
  return stream;
}

// Runs one event of a streaming handler to its end: until its promise is settled and
// its stream ended, or nothing is left to run.
async function invokeStreaming(handler, event, context, stream) {
  const done = new Promise((resolve, reject) => {
    stream.once('finish', resolve);
    stream.once('error', reject);
  });
  done.catch(() => {}); // it is waited for below, or not at all
  const returned = handler(event, stream, context);
  if (typeof returned?.then !== 'function') {
    throw new RuntimeError('InvalidStreamingHandler', 'Streaming does not support non-async handlers.');
  }
  const idle = new Promise((resolve) => { onEmptyLoop = resolve; });
  try {
    await Promise.race([returned, idle]);
    if (!stream.writableEnded) await Promise.race([done, idle]);
  } finally {
    onEmptyLoop = null;
  }
  if (!stream.writableEnded) stream.end();
  await done;
}

// Answers one event by its streaming handler.
async function answerStreaming(api, handler, head, body) {
  const id = head.requestID;
  const stream = responseStream(api, id, handler[HIGH_WATER_MARK]);
  let error;
  try {
    await invokeStreaming(handler, JSON.parse(body), contextOf(head), stream);
  } catch (cause) {
    error = cause ?? new Error('the handler was rejected without a reason');
    console.error('Invoke Error', `\t${errorText(error)}`);
    stream.on('error', () => {});
    stream.destroy();
  }
  api.hold();
  if (stream.answer === undefined) {
    await api.fail(id, errorObject(error));
    return;
  }
  api.endStream(error === undefined ? undefined : errorObject(error));
  await stream.answer;
}

function serialize(outcome) {
  if ('error' in outcome) return outcome;
  try {
    return { body: JSON.stringify(outcome.result === undefined ? null : outcome.result) ?? 'null' };
  } catch (cause) {
    return { error: new RuntimeError('MarshalError', `Unable to stringify response body: ${cause.message}`, cause) };
  }
}

// --- Start before the function is known ------------------------------------

// Makes the environment and the folder those the process would have been started
// with. Only NODE_PATH has been read by then of what a function may set: one that
// sets others that Node reads when it starts does not start this way.
function assume(assignment) {
  const wanted = new Map(assignment.env.map((variable) => {
    const at = variable.indexOf('=');
    return [variable.slice(0, at), variable.slice(at + 1)];
  }));
  // When TZ changes, and be it to what it was, the zones' whole database may be read
  // to find out what it means. It comes first, so that the order is kept.
  if (wanted.get('TZ') === env.TZ) wanted.delete('TZ');
  for (const name of Object.keys(env)) {
    if (name !== 'TZ' || wanted.has(name)) delete env[name];
  }
  for (const [name, value] of wanted) env[name] = value;
  process.chdir(assignment.cwd);
  require('module')._initPaths();
}

// What an interpreter does for the first time, it does slowly: code is compiled when
// it first runs, and Node loads parts of itself when they are first used. So one that
// waits does once what it will do for its function, with a function of its own, and
// leaves no trace that a function could see.
async function rehearse(api) {
  const Module = require('module');
  const file = path.join(env.LAMBDA_RUNTIME_DIR, 'rehearsal.cjs');
  const known = new Set(Object.keys(Module._pathCache));
  assume({ env: Object.keys(env).map((name) => `${name}=${env[name]}`), cwd: process.cwd() });
  await import('node:path'); // brings the loader of ES modules
  const handler = await loadHandler(env.LAMBDA_RUNTIME_DIR, 'rehearsal.handler');
  delete require.cache[file];
  module.children.splice(module.children.findIndex((child) => child.filename === file), 1);
  for (const key of Object.keys(Module._pathCache)) {
    if (!known.has(key)) delete Module._pathCache[key];
  }
  const { head, body } = api.rehearse('HTTP/1.1 200 OK\r\nLambda-Runtime-Deadline-Ms: 0\r\nContent-Length: 2\r\n\r\n{}');
  serialize(await new Promise((settle) => { invoke(handler, JSON.parse(body), contextOf(head), settle); }));
}

// Waits for the function. One that is there already is not kept waiting for a
// rehearsal.
async function findFunction(api) {
  const assignment = api.assignment();
  let timer;
  const long = new Promise((resolve) => { timer = setTimeout(resolve, 5, 'long'); });
  if (await Promise.race([assignment, long]) === 'long') await rehearse(api);
  clearTimeout(timer);
  assume(await assignment);
}

// --- Compile cache ---------------------------------------------------------

// Where it is set, later instances of a version read from that folder what the first one
// has compiled. That is the one for which it is empty. It gives away what it has before its
// first event, so that no event can leave anything for them.
const COMPILED = '_TIDEGATE_COMPILED';

// The most that the runtime takes, in bytes, and the least that saves a start more than
// it takes to have it.
const MOST_COMPILED = 6 << 20;
const LEAST_COMPILED = 16 << 10;

// Has Node use a compile cache. Returns the folder of one that is to be given away.
function openCompileCache() {
  const folder = env[COMPILED];
  if (folder === undefined) return undefined;
  delete env[COMPILED];
  const Module = require('module');
  // The function's own, by NODE_COMPILE_CACHE, stays.
  if (Module.getCompileCacheDir() !== undefined) return undefined;
  if (folder !== '') {
    Module.enableCompileCache(folder);
    return undefined;
  }
  const own = fs.mkdtempSync(path.join(env.TMPDIR, '.compiled-'));
  if (Module.enableCompileCache(own).status === Module.constants.compileCacheStatus.ENABLED) return own;
  fs.rmdirSync(own);
  return undefined;
}

// Gives the compile cache in the folder away, and leaves nothing of it. What the function's
// code has made of the file system when it was loaded may keep it from that; then there is
// no cache.
async function giveCompileCache(api, own) {
  try {
    const Module = require('module');
    Module.flushCompileCache();
    const folder = Module.getCompileCacheDir();
    const files = fs.readdirSync(folder).map((name) => ({ name, content: fs.readFileSync(path.join(folder, name)) }));
    fs.rmSync(own, { recursive: true });
    const list = files.map(({ name, content }) => ({ name, size: content.length }));
    const head = Buffer.from(`${JSON.stringify({ folder: path.basename(folder), files: list })}\n`);
    const body = Buffer.concat([head, ...files.map((file) => file.content)]);
    if (body.length >= LEAST_COMPILED && body.length <= MOST_COMPILED) await api.compiled(body);
  } catch {
    // as above
  }
}

async function main() {
  const api = new RuntimeAPI(env.AWS_LAMBDA_RUNTIME_API);
  patchConsole();
  if (env._HANDLER === undefined) await findFunction(api);
  onCrash = (error, status) => {
    api.hold();
    api.initFailed(errorObject(error)).then(() => process.exit(status));
  };
  // A module that waits for nothing at its top level would end the process.
  api.letGo();
  const empty = setInterval(() => {}, 1 << 30);
  let handler;
  const cache = openCompileCache();
  try {
    handler = await loadHandler(env.LAMBDA_TASK_ROOT, env._HANDLER);
  } catch (error) {
    console.error('Uncaught Exception', `\t${errorText(error)}`);
    api.hold();
    await api.initFailed(errorObject(error));
    process.exit(1);
  }
  if (cache !== undefined) await giveCompileCache(api, cache);
  clearInterval(empty);

  serve(api, handler);
}

// Answers one event after the other.
function serve(api, handler) {
  api.hold();
  api.next(function answer(head, body) {
    api.letGo();
    requestID = head.requestID;
    traceID.set(head.traceID);
    const id = requestID;
    const end = (outcome) => {
      api.hold();
      if ('error' in outcome) {
        console.error('Invoke Error', `\t${errorText(outcome.error)}`);
        api.fail(id, errorObject(outcome.error)).then(() => api.next(answer));
      } else {
        api.respondAndNext(id, outcome.body, answer);
      }
    };
    if (handler[STREAMING] === 'response') {
      onCrash = (error, status) => {
        onCrash = () => {};
        api.crash(id, errorObject(error)).then(() => process.exit(status));
      };
      answerStreaming(api, handler, head, body).then(() => {
        api.hold();
        api.next(answer);
      });
      return;
    }
    onCrash = (error, status) => {
      onCrash = () => {};
      api.hold();
      api.fail(id, errorObject(error)).then(() => process.exit(status));
    };
    let event;
    let context;
    try {
      event = JSON.parse(body);
      context = contextOf(head);
    } catch (error) {
      end({ error });
      return;
    }
    invoke(handler, event, context, (outcome) => end(serialize(outcome)));
  });
}

main();
