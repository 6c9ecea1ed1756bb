// Files into a real guest and out of it, by its agent.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { before, test } from 'node:test'
import { agentKernel, guestKernel, makeHome, program, until } from './cli.js'

const home = makeHome()
const { nbsvm } = home
const here = path.join(home.folder, 'here')

/** What the shell in the guest prints. */
async function sh(script: string): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(['a', 'exec', 'sh', '-c', script])
  assert.equal(status, 0, stderr)
  return stdout
}

async function cp(...words: string[]): Promise<string> {
  const { status, stderr } = await nbsvm(['a', 'cp', ...words])
  assert.equal(status, 0, stderr)
  return stderr
}

/** Names, modes and links of a tree, and times and sums of its files: the same by GNU's and BusyBox's tools. */
const looks = `find . -exec sh -c 'for name; do
  if [ -L "$name" ]; then what=$(readlink "$name"); elif [ -f "$name" ]; then what=$(stat -c %Y "$name"; md5sum <"$name"); else what=; fi
  echo "$name" $(stat -c "%a %F" "$name") $what
done' sh {} + | sort`

const looksOf = (folder: string): string =>
  execFileSync('sh', ['-c', looks], { cwd: folder, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })

before(async () => {
  fs.mkdirSync(here)
  assert.equal((await nbsvm(['a', 'start', ...agentKernel])).status, 0)
  assert.equal((await nbsvm(['a', 'timeout=90', 'wait', 'agent'])).status, 0)
})

test('a tree goes into the guest and comes back as it was: bytes, modes, times, links, odd names', async () => {
  const site = path.join(here, 'site')
  fs.mkdirSync(path.join(site, 'sub/empty'), { recursive: true })
  fs.writeFileSync(path.join(site, 'large'), randomBytes(2 * 1024 ** 2))
  fs.writeFileSync(path.join(site, ' odd\n"name"\' * zwölf'), 'x')
  fs.writeFileSync(path.join(site, 'sub', 'l'.repeat(200)), '')
  fs.writeFileSync(path.join(site, 'sub/run.sh'), '#!/bin/sh\n', { mode: 0o750 })
  fs.symlinkSync('../large', path.join(site, 'sub/link'))
  fs.chmodSync(path.join(site, 'sub/empty'), 0o500)
  fs.utimesSync(path.join(site, 'large'), 1_600_000_000, 1_600_000_000)
  await cp(site, ':/tmp/')
  const { stdout } = await nbsvm(['a', 'exec', 'sh', '-c', `cd /tmp/site && ${looks}`])
  assert.deepEqual(stdout.split('\n'), looksOf(site).split('\n'))
  await cp(':/tmp/site', path.join(here, 'back'))
  assert.deepEqual(looksOf(path.join(here, 'back')).split('\n'), looksOf(site).split('\n'))
  assert.equal(fs.statSync(path.join(here, 'back/large')).mtimeMs, 1_600_000_000_000)
})

test('one file: under its own name into a folder, under another to a name, and in place of one that is there', async () => {
  const file = path.join(here, 'a.conf')
  fs.writeFileSync(file, 'one\n', { mode: 0o640 })
  await sh('mkdir -p /tmp/etc && chown 7:8 /tmp/etc')
  await cp(file, ':/tmp/etc')
  await cp(file, ':/tmp/etc/b.conf')
  assert.equal(await sh('cd /tmp/etc; stat -c "%n %a %u:%g" a.conf b.conf; cat *'), 'a.conf 640 7:8\nb.conf 640 7:8\none\none\n')
  fs.writeFileSync(file, 'two\n')
  await cp(file, ':/tmp/etc/b.conf')
  assert.equal(await sh('cat /tmp/etc/b.conf; ls -A /tmp/etc'), 'two\na.conf\nb.conf\n')
  await cp(':/tmp/etc/a.conf', ':/tmp/etc/b.conf', here)
  assert.equal(fs.readFileSync(path.join(here, 'b.conf'), 'utf8'), 'two\n')
  assert.equal(fs.readFileSync(file, 'utf8'), 'one\n')
  assert.equal(fs.statSync(file).mode & 0o777, 0o640)
})

test('a link that is named is followed, one that leads out is left out, and so is what is no file', async () => {
  await sh(
    'cd /tmp; mkdir tree; ln -s /etc/passwd tree/out; ln -s sub tree/in; mkfifo tree/pipe; echo x >tree/file; ln -s tree alias',
  )
  const said = await cp(':/tmp/alias', path.join(here, 'alias'))
  assert.match(said, /left out of \/tmp\/alias: 1 link that leads out of it/)
  assert.match(said, /left out of \/tmp\/alias: 1 that is no file, folder or link/)
  assert.deepEqual(fs.readdirSync(path.join(here, 'alias')).toSorted(), ['file', 'in'])
})

test('what cannot be done is told, and nothing is half there', async () => {
  const refused: [string[], RegExp][] = [
    [['/nosuch', ':/tmp/'], /there is no file or folder \/nosuch/],
    [['/etc/hostname', ':/tmp/none/'], /there is no folder \/tmp\/none\//],
    [['/etc/hostname', ':/tmp/none/x'], /there is no folder \/tmp\/none/],
    [['/etc/hostname', '/etc/passwd', ':/tmp/x'], /\/tmp\/x is not a folder in the guest/],
    [[':/nosuch', here], /there is no \/nosuch/],
    [[':/', here], /which file or folder is meant/],
    [[':/tmp/etc', path.join(here, 'none/')], /there is no folder .*none\//],
    [[':/tmp/etc', path.join(here, 'a.conf')], /a\.conf is no folder, and what would take its place is one/],
  ]
  for (const [words, why] of refused) {
    const { status, stderr } = await nbsvm(['a', 'cp', ...words])
    assert.equal(status, 1, words.join(' '))
    assert.match(stderr, why)
  }
  assert.deepEqual(
    fs.readdirSync(here).filter((name) => name.startsWith('.')),
    [],
  )
  assert.equal(await sh('ls -A /tmp | grep -c nbsvm || true'), '0\n')
})

test('Ctrl-C in the midst leaves nothing, here and there', async () => {
  await sh('head -c 30000000 /dev/urandom >/tmp/large')
  const child = spawn(program, ['a', 'cp', ':/tmp/large', here], { env: home.env, stdio: 'ignore' })
  await until('the copy', 60_000, () => fs.readdirSync(here).some((name) => name.startsWith('.nbsvm-cp-')))
  await new Promise((resolve) => setTimeout(resolve, 1000))
  child.kill('SIGINT')
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 130)
  assert.deepEqual(
    fs.readdirSync(here).filter((name) => name.startsWith('.') || name === 'large'),
    [],
  )
  assert.equal(await sh('ls -A /tmp | grep -c nbsvm || true'), '0\n')
})

test('a guest without an agent: the message says how to add one', async () => {
  assert.equal((await nbsvm(['bare', 'start', ...guestKernel])).status, 0)
  const { status, stderr } = await nbsvm(['bare', 'cp', ':/etc/hostname', here])
  assert.equal(status, 1)
  assert.match(stderr, /cannot copy files in bare: no guest agent is running there\n.*\n.*apt install qemu-guest-agent/)
  assert.equal((await nbsvm(['bare', 'cp', 'a', 'b'])).status, 2)
})
