import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Share } from '../model/share.js'
import { canServe, readVersion, virtiofsdHelper, type ServedAs } from './virtiofsd.js'

const share: Share = { hostPath: '/home/me/my src', guestPath: '/src', readOnly: false, tag: 'src', by: 'virtiofs' }
const me: ServedAs = { uid: 1001, gid: 1002, prefix: [] }
const rust = (version: string) => readVersion('/usr/libexec/virtiofsd', `virtiofsd ${version}\n`)
const old = readVersion(
  '/usr/lib/qemu/virtiofsd',
  'virtiofsd version 7.2.22 (Debian 1:7.2+dfsg-7)\nusing FUSE kernel interface version 7.36\n',
)

function commandOf(found: ReturnType<typeof rust>, one: Share, as: ServedAs): string {
  assert.ok(found)
  return virtiofsdHelper(found, one, { index: 0, folder: 'run', socket: 'share0.sock', as }).command.slice(2).join(' ')
}

test('both kinds are told by what they say of themselves', () => {
  assert.deepEqual(rust('1.13.2'), { program: '/usr/libexec/virtiofsd', kind: 'rust', version: [1, 13] })
  assert.equal(old?.kind, 'c')
  assert.equal(readVersion('/bin/true', 'nothing'), undefined)
})

test('it runs in a namespace of its own; what the guest may only read it may only read too', () => {
  assert.match(
    commandOf(rust('1.13.2'), share, me),
    /--shared-dir \/home\/me\/my src --sandbox namespace .*--translate-uid map:1000:1001:1 --translate-gid map:1000:1002:1$/,
  )
  assert.doesNotMatch(commandOf(rust('1.10.0'), share, me), /translate/)
  assert.doesNotMatch(commandOf(rust('1.13.2'), share, { ...me, uid: 1000, gid: 1000 }), /translate/)
  assert.match(commandOf(rust('1.13.2'), { ...share, readOnly: true }, me), /--readonly$/)
  assert.match(
    commandOf(old, { ...share, readOnly: true }, me),
    /^unshare --user --map-root-user --mount sh -c mount -t tmpfs none \/run && .*remount,bind,ro,nosuid,nodev '\/home\/me\/my src' && exec /,
  )
  assert.match(
    commandOf(old && { ...old, needsGroups: true }, share, me),
    /^unshare --user --map-auto --map-root-user --mount sh -c mount -t tmpfs none \/run && exec /,
  )
  assert.match(commandOf(old, share, { uid: 0, gid: 0, prefix: [] }), /^\/usr\/lib\/qemu\/virtiofsd -f /)
  assert.match(
    commandOf(old, { ...share, hostPath: '/a,xattr\\' }, { uid: 0, gid: 0, prefix: [] }),
    /-o source=\/a\\,xattr\\\\ -o log_level/,
    'what follows a comma is no option',
  )
  assert.match(commandOf(old, share, { uid: 7, gid: 7, prefix: ['setpriv', '--'] }), /^setpriv -- unshare --user /)
})

test('one that cannot keep a guest from writing does not serve what is only to be read', () => {
  const readOnly = { readOnly: true }
  assert.deepEqual(
    [rust('1.10.1'), rust('1.11.0'), rust('2.0.0'), old].map((found) => found !== undefined && canServe(found, readOnly)),
    [false, true, true, true],
  )
})
