// `images pull` of a file on loopback against curl.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { inPairs, type Bench } from './table.js'
import type { World } from './world.js'

const mib = 2 ** 20
const sizeMib = 512
const rounds = 5

export const pull: Bench = {
  name: 'pull',
  async *rows(world) {
    const file = path.join(world.folder, 'image.raw')
    const url = `${await serve(world, file)}/image.raw`
    const digest = fill(file)
    const copy = path.join(world.folder, 'copy')
    const speed = (ms: number): number => (sizeMib * 1000) / ms
    const ours = (): number => {
      const ms = world.time('images', 'pull', `${url}#sha256:${digest}`)
      world.nbsvm('images', 'prune')
      return speed(ms)
    }
    const curl = (after: string) => (): number =>
      speed(world.timeOf('sh', '-c', `curl -sSf -o '${copy}' '${url}'${after} && sync '${copy}'`))
    const what = `images pull of ${sizeMib} MB from loopback`
    const checked = await inPairs(rounds, ours, curl(` && echo '${digest}  ${copy}' | sha256sum -c --quiet`))
    yield { what: `${what} | curl, sha256sum, sync`, pairs: checked, unit: 'MB/s', goal: { atLeast: 0.8 } }
    yield { what: `${what} | curl, sync`, pairs: await inPairs(rounds, ours, curl('')), unit: 'MB/s' }
  },
}

/** Bytes that no compression and no hole makes less of. Returns their SHA-256. */
function fill(file: string): string {
  const fd = openSync(file, 'w')
  const hash = createHash('sha256')
  const block = createHash('shake256', { outputLength: mib }).update('nbsvm').digest()
  for (let at = 0; at < sizeMib; at++) {
    block.writeUInt32LE(at, 0)
    hash.update(block)
    writeSync(fd, block)
  }
  closeSync(fd)
  return hash.digest('hex')
}

/** A server in a process of its own: what is timed runs while this one waits. */
async function serve(world: World, file: string): Promise<string> {
  const script = `
    const { createReadStream, statSync } = require('node:fs')
    require('node:http').createServer((_, answer) => {
      answer.writeHead(200, { 'content-length': statSync(process.argv[1]).size, etag: '"1"' })
      createReadStream(process.argv[1], { highWaterMark: ${mib} }).pipe(answer)
    }).listen(0, '127.0.0.1', function () { require('node:fs').writeFileSync(process.argv[2], 'http://127.0.0.1:' + this.address().port) })`
  const port = path.join(world.folder, 'port')
  const server = spawn(process.execPath, ['-e', script, file, port], { stdio: 'ignore' })
  world.atEnd(() => server.kill())
  for (;;) {
    try {
      const address = readFileSync(port, 'utf8')
      if (address !== '') return address
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
