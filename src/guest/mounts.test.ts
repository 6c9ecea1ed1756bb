import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Share } from '../model/share.js'
import { mountCommands, mountHints } from './mounts.js'

const shares: readonly Share[] = [
  { hostPath: '/home/me/src', guestPath: '/src', readOnly: false, tag: 'src', by: 'virtiofs' },
  { hostPath: '/data', guestPath: '/my data', readOnly: true, tag: 'my-data', by: '9p' },
]

test("cloud-init's bootcmd mounts each share at each boot, and one that is mounted is left", () => {
  assert.deepEqual(mountCommands(shares), [
    ['sh', '-c', 'mkdir -p /src && { mountpoint -q /src || mount -t virtiofs src /src; }'],
    [
      'sh',
      '-c',
      "mkdir -p '/my data' && { mountpoint -q '/my data' || mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro my-data '/my data'; }",
    ],
  ])
  assert.deepEqual(mountCommands([]), [])
})

test('a guest without a seed is mounted by hand', () => {
  assert.deepEqual(mountHints(shares.slice(0, 1)), ['in the guest, as root: mkdir -p /src && mount -t virtiofs src /src'])
  assert.match(mountHints(shares).at(-1) ?? '', /must know 9p/)
})
