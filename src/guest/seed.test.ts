import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkUserData } from './multipart.js'
import { ignitionText } from './ignition.js'
import { cloudConfig, hostnameOf, metaData, networkConfig, seedFiles, type Seed } from './seed.js'

const seed: Seed = {
  kind: 'nocloud',
  instanceId: 'i-1',
  hostname: 'web',
  user: undefined,
  keys: ['ssh-ed25519 AAAA "me"', 'ssh-ed25519 BBBB nbsvm web'],
  hostKey: { secret: '-----BEGIN\nx\n-----END\n', public: 'ssh-ed25519 CCCC nbsvm-web\n' },
  packages: [],
  passwordHash: undefined,
  macs: ['52:54:01:02:03:04'],
  mounts: [],
  userData: undefined,
}

test("the image's own user gets the keys, and the host its own", () => {
  assert.equal(
    cloudConfig(seed),
    `#cloud-config
hostname: "web"
manage_etc_hosts: "localhost"
users:
  - "default"
ssh_authorized_keys:
  - "ssh-ed25519 AAAA \\"me\\""
  - "ssh-ed25519 BBBB nbsvm web"
ssh_keys:
  ed25519_private: "-----BEGIN\\nx\\n-----END\\n"
  ed25519_public: "ssh-ed25519 CCCC nbsvm-web\\n"
ssh_genkeytypes:
  - "ed25519"
`,
  )
})

test('another user is made as the image makes its own, with a password only where one is asked for', () => {
  assert.match(cloudConfig({ ...seed, user: 'alice' }), /^user:\n {2}name: "alice"\nusers:\n {2}- "default"$/m)
  assert.match(
    cloudConfig({ ...seed, user: 'alice', passwordHash: '$6$s$h' }),
    /^user:\n {2}name: "alice"\n {2}lock_passwd: false\n {2}hashed_passwd: "\$6\$s\$h"$/m,
  )
  assert.match(cloudConfig({ ...seed, passwordHash: '$6$s$h' }), /^user:\n {2}lock_passwd: false$/m)
  assert.match(cloudConfig({ ...seed, user: 'root' }), /^disable_root: false$/m)
})

test('what is shared is mounted at each boot, by cloud-init only', () => {
  const mounts = [['sh', '-c', 'mount -t virtiofs src /src']]
  assert.match(cloudConfig({ ...seed, mounts }), /^bootcmd:\n {2}- - "sh"\n {4}- "-c"\n {4}- "mount -t virtiofs src \/src"$/m)
  assert.doesNotMatch(cloudConfig({ ...seed, mounts, kind: 'nuageinit' }), /mount/)
})

test('packages are installed from lists that are up to date', () => {
  assert.match(
    cloudConfig({ ...seed, packages: ['git', 'make'] }),
    /^package_update: true\npackages:\n {2}- "git"\n {2}- "make"$/m,
  )
})

test("FreeBSD's nuageinit is told of a user in its own words", () => {
  assert.match(
    cloudConfig({ ...seed, kind: 'nuageinit', user: 'alice' }),
    /^users:\n {2}- name: "alice"\n {4}groups: "wheel"\n {4}shell: "\/bin\/sh"\n {4}ssh_authorized_keys:\n {6}- "ssh/m,
  )
})

test('cards are found by their addresses, and only the first is waited for', () => {
  assert.equal(metaData(seed), 'instance-id: "i-1"\nlocal-hostname: "web"\n')
  assert.equal(
    networkConfig(['52:54:01:02:03:04', '52:54:05:06:07:08']),
    `version: 2
ethernets:
  nic0:
    match:
      macaddress: "52:54:01:02:03:04"
    dhcp4: true
  nic1:
    match:
      macaddress: "52:54:05:06:07:08"
    dhcp4: true
    optional: true
`,
  )
  assert.deepEqual(
    seedFiles({ ...seed, macs: undefined }).map(({ name }) => name),
    ['meta-data', 'user-data'],
  )
})

test("the user's part comes first and byte by byte, ours is merged into it", () => {
  const script = Buffer.from('#!/bin/sh\necho ä >/tmp/x\n')
  const text =
    seedFiles({ ...seed, userData: script })
      .find(({ name }) => name === 'user-data')
      ?.bytes.toString() ?? ''
  const parts = text.split('--==nbsvm==').slice(1, -1)
  assert.match(text, /^Content-Type: multipart\/mixed; boundary="==nbsvm=="\nMIME-Version: 1.0\n/)
  assert.match(text, /\n--==nbsvm==--\n$/)
  const bodies = parts.map((part) => Buffer.from(part.slice(part.indexOf('\n\n')), 'base64').toString())
  assert.deepEqual(bodies, [script.toString(), cloudConfig(seed)])
  assert.match(parts[1] ?? '', /^Merge-Type: dict\(no_replace,recurse_array\)\+list\(append\)\+str\(\)$/m)
})

test('a message in parts stands as it is', () => {
  const own = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\n#!/bin/sh\n--b--\n'
  const [, data] = seedFiles({ ...seed, userData: Buffer.from(own) })
  assert.ok(data?.bytes.toString().includes(`--==nbsvm==\n${own}`))
})

test('user-data that cloud-init would pass over is refused', () => {
  for (const good of [
    '#cloud-config\n',
    '#!/bin/sh\n',
    '## template: jinja\n#cloud-config\n',
    '#include\nhttp://x',
    'MIME-Version: 1.0\n',
  ])
    checkUserData(Buffer.from(good), '/x')
  checkUserData(Buffer.from([0x1f, 0x8b, 8]), '/x')
  for (const wrong of ['', 'packages: [git]\n', '\n#cloud-config\n', '# cloud-config'])
    assert.throws(() => checkUserData(Buffer.from(wrong), '/x'), /user_data: \/x begins with nothing that cloud-init understands/)
})

test('a name becomes a hostname', () => {
  assert.equal(hostnameOf('web'), 'web')
  assert.equal(hostnameOf('web_1.example.org'), 'web-1.example.org')
  assert.equal(hostnameOf('a-_.-b..c.'), 'a.b.c')
  assert.equal(hostnameOf(`${'x'.repeat(62)}-y`), 'x'.repeat(62))
})

test('Ignition gets the same as JSON', () => {
  const config = JSON.parse(ignitionText({ ...seed, user: 'core', passwordHash: '$6$s$h', userData: Buffer.from('{}') })) as {
    ignition: { config: { merge: { source: string }[] } }
    passwd: { users: unknown[] }
    storage: { files: { path: string; mode: number; contents: { source: string } }[] }
  }
  assert.deepEqual(config.passwd.users, [{ name: 'core', sshAuthorizedKeys: seed.keys, passwordHash: '$6$s$h' }])
  assert.equal(config.ignition.config.merge[0]?.source, 'data:;base64,e30=')
  const [hostname, key] = config.storage.files
  assert.equal(Buffer.from(hostname?.contents.source.split(',')[1] ?? '', 'base64').toString(), 'web\n')
  assert.deepEqual([key?.path, key?.mode], ['/etc/ssh/ssh_host_ed25519_key', 0o600])
  assert.throws(() => ignitionText({ ...seed, user: 'core', packages: ['git'] }), /packages: this system is set up by Ignition/)
})
