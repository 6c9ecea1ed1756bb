import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { anyVmsUser, freeUid, isVmsUser, runAs } from './runas.js'
import { run } from '../sys/process.js'

const isRoot = process.getuid?.() === 0
const needsRoot = { skip: isRoot ? false : 'needs root' }

test('VMs of two homes have different numbers, and those of one home too', () => {
  const taken = new Set<number>()
  for (let count = 0; count < 20; count++) taken.add(freeUid(taken, '/a/state'))
  assert.equal(taken.size, 20)
  const other = new Set<number>()
  for (let count = 0; count < 20; count++) other.add(freeUid(other, '/b/state'))
  assert.deepEqual(
    [...other].filter((uid) => taken.has(uid)),
    [],
  )
})

test("a VM's number is that of no other VM, no account and no trial", needsRoot, (context) => {
  const first = freeUid(new Set(), '/a/state')
  assert.ok(isVmsUser(first))
  assert.ok(!isVmsUser(0) && !isVmsUser(1000) && !isVmsUser(65_534) && !isVmsUser(anyVmsUser().uid))
  assert.notEqual(freeUid(new Set([first]), '/a/state'), first)
  const accounts = fs.readFileSync('/etc/passwd', 'utf8')
  const read = fs.readFileSync
  context.mock.method(fs, 'readFileSync', (file: string, encoding: 'utf8') =>
    file === '/etc/passwd' ? `${accounts}taken:x:${first}:${first}::/:/bin/false\n` : read(file, encoding),
  )
  assert.notEqual(freeUid(new Set(), '/a/state'), first)
})

test("root's QEMU has no right left: user, groups, capabilities, and no way to any", needsRoot, async () => {
  const { prefix, uid } = runAs(undefined, () => 2_113_000_777)
  const { stdout } = await run([...prefix, 'cat', '/proc/self/status'])
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? ''
  for (const name of ['Uid', 'Gid']) assert.equal(field(name), [uid, uid, uid, uid].join('\t'), name)
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(field(name), /^0+$/, name)
  assert.equal(field('NoNewPrivs'), '1')
  // At most the one that /dev/kvm is open to, and never root's.
  assert.match(field('Groups'), /^[1-9]?\d*$/)
})

test('where root is a member of groups, QEMU is of none of them', needsRoot, async () => {
  const { prefix } = runAs(undefined, () => 2_113_000_777)
  const { stdout } = await run(['setpriv', '--groups', '4,27,1234567', '--', ...prefix, 'id', '-G'])
  assert.doesNotMatch(stdout, /\b(?:4|27|1234567|0)\b/)
})

test('root as QEMU is root only where that was said; a name that nobody has is refused', needsRoot, () => {
  assert.deepEqual(runAs('root', () => 1).prefix, [])
  assert.equal(runAs('root', () => 1).isOwn, false)
  assert.throws(() => runAs('no-such-user', () => 1), /there is no user no-such-user/)
})
