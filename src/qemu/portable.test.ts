import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from '../model/machine.js'
import type { NicBackend } from '../model/nic.js'
import { commonCpu, isOfThisHost } from './cpu.js'
import { asPortable, checkPortable, portableOf } from './portable.js'

const image = { kind: 'file', format: 'qcow2', path: '/drives/nbsvm-foo-0.qcow2' } as const
const tap: NicBackend = { kind: 'tap', ifname: 'tap-foo', mtu: 9000, vhostFd: 7 }

const there: Machine = {
  id: 'foo',
  prefix: [],
  handed: [],
  logs: { console: '/dev/fdset/1', events: '/dev/fdset/2' },
  program: '/usr/bin/qemu-system-x86_64',
  arch: 'x86_64',
  type: 'pc-q35-7.2',
  accelerator: 'tcg',
  clock: 'utc',
  tpm: false,
  cpu: 'Westmere',
  cpus: 2,
  memBytes: 2 ** 30,
  ram: 'private',
  uuid: '00000000-0000-8000-8000-000000000001',
  generation: '00000000-0000-4000-8000-000000000001',
  drives: [{ name: 'nbsvm-foo-0', number: 0, image }],
  driveInterface: 'virtio',
  discs: [],
  shares: [],
  aio: 'io_uring',
  iothreads: true,
  balloon: true,
  agent: true,
  nics: [{ model: 'virtio-net-pci', mac: '52:54:00:00:00:01', backend: { kind: 'user', forwards: [] } }],
  args: ['-device', 'usb-mouse'],
}

test('what the guest sees is as there, what the host has is as here', () => {
  const { nics: _, ...rest } = there
  const here: Machine = {
    ...rest,
    program: '/opt/qemu',
    aio: 'threads',
    cpu: 'max',
    memBytes: 2 ** 29,
    uuid: '00000000-0000-8000-8000-000000000002',
    display: ['-display', 'none'],
    nics: [{ model: 'e1000', mac: '52:54:00:00:00:02', backend: { kind: 'passt', socket: 'passt.sock', forwards: [] } }],
    args: [],
  }
  const portable = checkPortable(JSON.parse(JSON.stringify(portableOf(there))), '')
  const { display: __, ...host } = here
  assert.deepEqual(asPortable(here, portable), {
    ...host,
    cpu: there.cpu,
    memBytes: there.memBytes,
    uuid: there.uuid,
    args: there.args,
    nics: [{ model: 'virtio-net-pci', mac: '52:54:00:00:00:01', backend: { kind: 'passt', socket: 'passt.sock', forwards: [] } }],
  })
})

test('a tap stays one, with the frames that the guest knows; under KVM the processor must have all of the model', () => {
  const onTap: Machine = {
    ...there,
    accelerator: 'kvm',
    nics: [{ model: 'virtio-net-pci', mac: '52:54:00:00:00:01', backend: tap }],
  }
  const small: Machine = {
    ...onTap,
    nics: [{ model: 'virtio-net-pci', mac: '52:54:00:00:00:01', backend: { ...tap, mtu: 1500 } }],
  }
  assert.deepEqual(asPortable(small, portableOf(onTap)), { ...onTap, cpu: 'Westmere,enforce' })
  assert.throws(
    () => asPortable({ ...there, accelerator: 'kvm' }, portableOf(onTap)),
    /is a tap there, and would be the user network here/,
  )
})

const bound: readonly (readonly [string, Partial<Machine>, RegExp])[] = [
  ['cpu=host', { cpu: 'host,hv-relaxed' }, /cpu=host,hv-relaxed, is whatever this machine can do/],
  ['cpu=max', { cpu: 'max' }, /whatever this machine can do/],
  ['NVMe', { driveInterface: 'nvme' }, /cannot take an NVMe disk along/],
  ['shares', { shares: [{ hostPath: '/a', guestPath: '/a', readOnly: false, tag: 'a', by: '9p' }] }, /folders that it shares/],
  ['drives in words', { drives: { words: ['-hda', 'x'] } }, /its drives are QEMU options of yours/],
  ['Ignition', { seed: { kind: 'ignition', path: 'ignition.json' } }, /Ignition/],
  ['a device of the host', { args: ['-device', 'vfio-pci,host=01:00.0'] }, /name a device of this machine/],
]
for (const [what, change, pattern] of bound) {
  test(`a machine with ${what} is tied to its host`, () => assert.throws(() => portableOf({ ...there, ...change }), pattern))
}

const others: readonly (readonly [string, Partial<Machine>, RegExp])[] = [
  ['accelerator', { accelerator: 'kvm' }, /accel=tcg there, and this machine has kvm/],
  ['drives', { drives: [] }, /it has the drives 0 there, not/],
  ['discs', { discs: [image] }, /discs/],
  ['network cards', { nics: [] }, /it has 1 network cards there/],
  ['seed', { seed: { kind: 'disk', path: 'seed.iso' } }, /who it is/],
  ['firmware', { firmware: { kind: 'uefi', code: image, variables: image, needsSmm: false } }, /firmware/],
]
for (const [what, change, pattern] of others) {
  test(`a host that would have another ${what} refuses`, () =>
    assert.throws(() => asPortable({ ...there, ...change }, portableOf(there)), pattern))
}

test('what came is looked at', () => {
  const portable = portableOf(there)
  for (const wrong of [{ cpu: 7 }, { arch: 'vax' }, { nics: [{ model: 'x' }] }, { drives: ['0'] }, { args: 'x' }])
    assert.throws(() => checkPortable({ ...portable, ...wrong }, ''), /its /)
  assert.throws(() => checkPortable(null, 'machine'), /machine is not an object/)
})

test('models that any host has', () => {
  assert.deepEqual(
    [commonCpu('x86_64', undefined), commonCpu('x86_64', 'v3'), commonCpu('aarch64', undefined), commonCpu('riscv64', undefined)],
    ['Westmere', 'Haswell-noTSX', 'cortex-a72', undefined],
  )
  assert.deepEqual(['host', 'max,x=on', 'Westmere', 'maximum'].map(isOfThisHost), [true, true, false, false])
})
