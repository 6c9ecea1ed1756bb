import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { asToldEntries, jumpEntry, nameThere } from './jump.js'
import { configBlock } from './sshentry.js'

const told = { id: 'web', class: null, host: '127.0.0.1', port: 2222, user: 'debian', hostKey: 'ssh-ed25519 AAAAC3Nz' }

test('ssh understands the entry of a VM of another machine', () => {
  const { stdout, stderr } = spawnSync('sh', ['-c', 'cat | ssh -G -F /dev/stdin nbsvm-web.box2'], {
    input: configBlock(jumpEntry(told, 'me@box2')),
    encoding: 'utf8',
  })
  for (const line of [
    /^hostname 127\.0\.0\.1$/m,
    /^port 2222$/m,
    /^user debian$/m,
    /^proxyjump me@box2$/m,
    /^knownhostscommand \/bin\/echo nbsvm-web\.box2 ssh-ed25519 AAAAC3Nz$/m,
    /^stricthostkeychecking (?:true|yes)$/m,
  ])
    assert.match(stdout, line, stderr)
  assert.deepEqual(jumpEntry({ ...told, hostKey: null }, 'box2').options.at(-1), ['StrictHostKeyChecking', 'accept-new'])
  assert.deepEqual([nameThere(told, 'root@[fe80::1%eth0]'), nameThere(told, 'box2.lan')], ['web.fe80-1-eth0', 'web.box2.lan'])
})

test('nothing that another machine says becomes a line of its own there', () => {
  assert.deepEqual(asToldEntries([told], ''), [told])
  assert.deepEqual(asToldEntries([{ ...told, class: undefined, hostKey: undefined }], ''), [{ ...told, hostKey: null }])
  for (const wrong of [
    { id: 'web\nProxyCommand evil' },
    { id: 'a b' },
    { host: '-oProxyCommand=x' },
    { host: '127.0.0.1\n' },
    { user: 'x y' },
    { port: 0 },
    { port: 65_536 },
    { port: '22' },
    { hostKey: 'ssh-ed25519 AAAA x' },
    { hostKey: 'ssh-ed25519 AA"AA' },
    { class: 'a\nb' },
  ])
    assert.throws(() => asToldEntries([{ ...told, ...wrong }], ''), /its \[0\]\./, JSON.stringify(wrong))
})
