// Folders of the host in a guest: by the real program, with the virtiofsd that is installed, as an ordinary user.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { guestKernel, makeHome, program, run, until, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { whyNoVirtiofsd } from './support/virtiofsd.js'

const home = makeHome()
const isRoot = process.geteuid?.() === 0
const nobody = 65_534
const drop = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', '--']
// A comma, which has a meaning to those that serve it.
const source = path.join(home.folder, 'my src, new')
mkdirSync(source)
writeFileSync(path.join(source, 'from-host'), 'written on the host\n')
if (isRoot) {
  chmodSync(home.folder, 0o755)
  for (const file of [home.folder, source, path.join(source, 'from-host')]) chownSync(file, nobody, nobody)
}

/** Runs nbsvm as a user without any rights, whoever runs the tests. */
function asUser(...args: readonly string[]): Promise<Result> {
  return asUserOf(home.folder, ...args)
}

function asUserOf(folder: string, ...args: readonly string[]): Promise<Result> {
  const env = { ...home.env, NBSVM_HOME: folder }
  return isRoot ? run('setpriv', [...drop, program, ...args], env) : run(program, args, env)
}

async function ok(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await asUser(...args)
  assert.equal(status, 0, stderr)
  return stdout + stderr
}

const skip = whyNoVirtiofsd

const state = (id: string, file: string): string => path.join(home.folder, 'state', id, file)

test('a folder is written from both sides as an ordinary user, and virtiofsd ends with the VM', { skip }, async () => {
  const started = await ok('foo', `share='${source}:/src' '${source}:/only/read:ro'`, 'start', ...guestKernel)
  assert.match(started, /in the guest, as root: mkdir -p \/src && mount -t virtiofs src \/src\n/)
  const serial = await Serial.open(state('foo', 'run/console.sock'))
  after(() => serial.close())
  await serial.waitFor(guestPrompt)
  const guest = (line: string): Promise<string> => serial.command(line, 30_000)
  assert.match(await ok('foo'), /share +.*my src, new -> \/src +\(virtiofs src\)\n(?:.*\n)*.*helper +virtiofsd0, pid \d+\n/)
  assert.match(await ok('foo'), /share +.*my src, new -> \/only\/read, read-only +\(virtiofs only-read\)\n/)
  await guest('modprobe virtiofs; mkdir /src; mount -t virtiofs src /src')
  assert.match(await guest('cat /src/from-host'), /written on the host/)
  assert.match(await guest('echo written in the guest >/src/from-guest; sync; echo $?'), /0/)
  assert.equal(readFileSync(path.join(source, 'from-guest'), 'utf8'), 'written in the guest\n')
  assert.equal(statSync(path.join(source, 'from-guest')).uid, isRoot ? nobody : process.getuid?.())
  writeFileSync(path.join(source, 'later'), 'and later\n')
  await until('what was written later', 10_000, async () => /and later/.test(await guest('cat /src/later')))
  await guest('mkdir -p /only/read; mount -t virtiofs only-read /only/read')
  assert.match(await guest('cat /only/read/later'), /and later/)
  assert.match(await guest('echo no >/only/read/no; echo status $?'), /Read-only file system\n(?:.*\n)*status 1/)
  const pid = readFileSync(state('foo', 'helpers/virtiofsd0.lock'), 'utf8').trim()
  await ok('foo', 'stop')
  await until('the end of virtiofsd', 5000, () => !existsSync(`/proc/${pid}`))
})

test('where virtiofsd cannot run QEMU serves the folder itself, and says so', async () => {
  const bin = path.join(home.folder, 'bin')
  mkdirSync(bin)
  writeFileSync(
    path.join(bin, 'virtiofsd'),
    '#!/bin/sh\n[ "$1" = --version ] && exec echo virtiofsd 1.13.2\necho not here >&2\nexit 1\n',
  )
  chmodSync(path.join(bin, 'virtiofsd'), 0o755)
  const env = { ...home.env, PATH: `${bin}:${process.env['PATH']}` }
  const args = ['nine', `share='${source}:/src'`, 'start', '-S']
  const { status, stderr } = isRoot ? await run('setpriv', [...drop, program, ...args], env) : await run(program, args, env)
  assert.equal(status, 0, stderr)
  assert.match(stderr, /virtiofsd cannot run, so QEMU serves the shares, by 9p: not here\n/)
  assert.match(stderr, /mount -t 9p -o trans=virtio\S* src \/src\n/)
  assert.match(await ok('nine'), /share +.*my src, new -> \/src +\(9p src\)\n/)
  await ok('nine', 'stop')
})

test('a folder that cannot be had, or that would give more than was meant, is refused with the reason', async () => {
  const closed = path.join(home.folder, 'closed')
  mkdirSync(closed)
  chmodSync(closed, isRoot ? 0o700 : 0o500)
  const images = path.join(home.folder, 'images')
  mkdirSync(images)
  const file = path.join(source, 'from-host')
  for (const [share, status, expected] of [
    ["'/no such;x:/src'", 1, /there is no folder \/no such;x to share\n.*mkdir -p '\/no such;x'\n/],
    [`'${file}':/src`, 1, /from-host is not a folder/],
    [`${closed}:/src`, 1, /closed cannot be shared: .*, whom QEMU runs as, may not read and write it\n.*:ro/],
    [`${home.folder}:/home`, 1, /cannot be shared to be written: .* is nbsvm's own/],
    [`${home.folder}/state:/home`, 1, /cannot be shared to be written/],
    [`${images}:/home`, 1, /cannot be shared to be written/],
    ['nowhere', 2, /"nowhere" is not a share\n.*HOST:GUEST/],
    ['nowhere:/src', 2, /there is no "nowhere" in this folder/],
  ] as const) {
    const result = await asUser('foo', `share=${share}`, 'start', '-S')
    assert.equal(result.status, status, `${share}: ${result.stderr}`)
    assert.match(result.stderr, expected)
  }
})

test("nbsvm's own files are not shared by their other name either, where they are on another disk", async () => {
  const disk = path.join(home.folder, 'disk')
  const linked = path.join(home.folder, 'linked')
  for (const folder of [disk, path.join(disk, 'vms')]) mkdirSync(folder)
  symlinkSync(disk, linked)
  if (isRoot) for (const folder of [disk, path.join(disk, 'vms')]) chownSync(folder, nobody, nobody)
  for (const folder of [disk, `${disk}/vms`]) {
    const { status, stderr } = await asUserOf(linked, 'foo', `share=${folder}:/src`, 'start', '-S')
    assert.equal(status, 1)
    assert.match(stderr, /cannot be shared to be written: .* is nbsvm's own/)
  }
})

const asRoot = isRoot ? false : 'only root gives QEMU another user'
test("under root a share needs a folder that the VM's own user may use, or run_as", { skip: asRoot }, async () => {
  const refused = await run(program, ['rooted', `share='${source}:/src'`, 'start', '-S'], {
    ...home.env,
    NBSVM_HOME: path.join(home.folder, 'root'),
  })
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /uid \d+, whom QEMU runs as, may not read and write it\n.*run_as=OWNER start\n.*:ro/)
})
