// Does what functions commonly do, all of which the walls around them must let through.
const assert = require('assert')
const child = require('child_process')
const crypto = require('crypto')
const dns = require('dns')
const fs = require('fs')
const net = require('net')
const os = require('os')
const util = require('util')
const worker = require('worker_threads')
const zlib = require('zlib')

const once = (emitter, event) => new Promise((resolve, reject) => { emitter.once(event, resolve); emitter.once('error', reject) })

const parts = {
  async files () {
    const dir = await fs.promises.mkdtemp('/tmp/useful-')
    await fs.promises.writeFile(dir + '/a', 'text')
    await fs.promises.copyFile(dir + '/a', dir + '/b')
    await fs.promises.rename(dir + '/b', dir + '/c')
    const file = await fs.promises.open(dir + '/c', 'r+')
    await file.sync()
    await file.close()
    const watching = fs.watch(dir)
    const changed = once(watching, 'change')
    await fs.promises.appendFile(dir + '/c', 'more')
    await changed
    watching.close()
    await fs.promises.rm(dir, { recursive: true })
  },
  async processes () {
    assert.strictEqual(child.execSync('echo $((6*7))').toString(), '42\n')
    const forked = child.spawn(process.execPath, ['-e', 'process.stdin.on("data", d => process.stdout.write(d))'])
    forked.stdin.end('echo')
    assert.strictEqual(String(await once(forked.stdout, 'data')), 'echo')
    await once(forked, 'exit')
  },
  async threads () {
    const w = new worker.Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true })
    assert.strictEqual(await once(w, 'message'), 42)
    await util.promisify(zlib.gzip)('x'.repeat(1e6))
    await util.promisify(crypto.scrypt)('password', 'salt', 64)
    await util.promisify(crypto.generateKeyPair)('rsa', { modulusLength: 1024 })
  },
  async network () {
    const server = net.createServer(c => c.end('hello')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    assert.strictEqual(String(await once(net.connect(server.address().port, '127.0.0.1'), 'data')), 'hello')
    server.close()
    await dns.promises.lookup('localhost')
    assert(os.networkInterfaces().lo)
    assert(os.cpus().length > 0 && os.totalmem() > 0)
  },
  async code () {
    let x = 0
    const f = n => n * 2 + 1
    for (let i = 0; i < 1e6; i++) x += f(i)
    const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))
    assert(new WebAssembly.Instance(module))
  }
}

exports.handler = async () => {
  const failed = []
  for (const name of Object.keys(parts)) {
    try { await parts[name]() } catch (e) { failed.push(name + ': ' + e.stack) }
  }
  return failed
}
