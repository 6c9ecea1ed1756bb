// `image=mmdebstrap:SUITE` where it does not get to an image: what is missing, what apt cannot get, and what is killed. A stand-in for
// the proxy is all that apt speaks to, so no other machine is needed.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { after, test } from 'node:test'
import { findProgram } from '../src/sys/file.js'
import { makeHome, program, until } from './cli.js'

const home = makeHome()
const images = path.join(home.folder, 'images')
const isRoot = process.geteuid?.() === 0

const needs = ['mmdebstrap', 'mkfs.fat', 'mcopy', 'sfdisk', 'syslinux'].filter((name) => findProgram(name) === undefined)
if (!fs.existsSync('/usr/lib/syslinux/mbr/gptmbr.bin')) needs.push('gptmbr.bin')
const skip =
  needs.length > 0
    ? `there is no ${needs.join(', ')}`
    : isRoot || spawnSync('unshare', ['--user', 'true']).status === 0
      ? false
      : 'a user without user namespaces cannot run mmdebstrap'

/** What is left of it: the folder's lock, and one that stands for the name, are no image's. */
const left = (): string[] => (fs.existsSync(images) ? fs.readdirSync(images).filter((name) => !name.startsWith('.lock')) : [])

async function proxy(answer: http.RequestListener): Promise<NodeJS.ProcessEnv> {
  const server = http.createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return proxyAt((server.address() as AddressInfo).port)
}

function proxyAt(port: number): NodeJS.ProcessEnv {
  const url = `http://127.0.0.1:${port}`
  return { http_proxy: url, https_proxy: url, TMPDIR: temporary }
}

/** Where mmdebstrap makes its system; as a user it is there with users of its own. */
const temporary = path.join(home.folder, 'tmp')
fs.mkdirSync(temporary)
fs.chmodSync(temporary, 0o1777)
fs.chmodSync(home.folder, 0o755)

async function refused(suite: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { status, stderr } = await home.nbsvm(['bad', `image=mmdebstrap:${suite}`, 'newimg'], { env })
  assert.equal(status, 1, stderr)
  assert.deepEqual(left(), [])
  assert.deepEqual(fs.readdirSync(temporary), [])
  return stderr
}

test('a program that is not there is named, with its package', async () => {
  const bin = path.join(home.folder, 'bin')
  fs.mkdirSync(bin)
  for (const name of ['sh', 'node', 'env', 'qemu-img']) {
    const file = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
    fs.symlinkSync(file, path.join(bin, name))
  }
  const words = await refused('bookworm', { PATH: bin })
  assert.match(words, /cannot build mmdebstrap:bookworm: there is no mmdebstrap.*\n {2}sudo apt install mmdebstrap/)
})

test('a suite that the archive does not have', { skip }, async () => {
  const words = await refused('nosuchsuite', await proxy((_, response) => void response.writeHead(404).end()))
  assert.match(words, /cannot build mmdebstrap:nosuchsuite:\n +E: The repository .* nosuchsuite Release.*\n/)
  assert.match(words, /is the suite spelled right/)
})

test('an archive that cannot be reached', { skip }, async () => {
  const closed = http.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => closed.once('listening', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const words = await refused('bookworm', proxyAt(port))
  assert.match(words, /cannot build mmdebstrap:bookworm:\n[^]*127\.0\.0\.1/)
})

test('kill -9 in the midst of it: what was started ends, and the next one sweeps', { skip }, async () => {
  let asked = 0
  const env = await proxy(() => void asked++)
  const words = ['bad', 'image=mmdebstrap:bookworm', 'newimg']
  const child = spawn(program, words, { env: { ...home.env, ...env }, stdio: 'ignore' })
  await until('apt to ask', 60_000, () => asked > 0)
  assert.notDeepEqual(left(), [])
  child.kill('SIGKILL')
  await until('the end of mmdebstrap', 20_000, () => fs.readdirSync(temporary).length === 0)
  await refused('bookworm', { ...env, ...(await proxy((_, response) => void response.writeHead(404).end())) })
})
