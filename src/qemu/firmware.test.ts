import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFirmwareFor, parseDescriptor, type Descriptor } from './firmware.js'

/** As distributions write them. */
function text(features: readonly string[], changes: Record<string, unknown> = {}, mapping: Record<string, unknown> = {}): string {
  return JSON.stringify({
    description: 'UEFI firmware',
    'interface-types': ['uefi'],
    mapping: {
      device: 'flash',
      executable: { filename: '/usr/share/OVMF/OVMF_CODE_4M.fd', format: 'raw' },
      'nvram-template': { filename: '/usr/share/OVMF/OVMF_VARS_4M.fd', format: 'raw' },
      ...mapping,
    },
    targets: [{ architecture: 'x86_64', machines: ['pc-i440fx-*', 'pc-q35-*'] }],
    features,
    tags: [],
    ...changes,
  })
}

const parsed = (...features: string[]): Descriptor => parseDescriptor(text(features)) ?? assert.fail('not read')
const plain = parsed('acpi-s3', 'verbose-dynamic')
const withoutKeys = parsed('requires-smm', 'secure-boot')
const secure = parsed('enrolled-keys', 'requires-smm', 'secure-boot')

test('a descriptor tells where code and variables are, and whether they need System Management Mode', () => {
  assert.deepEqual(plain.code, { kind: 'file', format: 'raw', path: '/usr/share/OVMF/OVMF_CODE_4M.fd' })
  assert.deepEqual(plain.template, { kind: 'file', format: 'raw', path: '/usr/share/OVMF/OVMF_VARS_4M.fd' })
  assert.deepEqual([plain.needsSmm, secure.needsSmm], [false, true])
  const qcow2 = { filename: '/usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.qcow2', format: 'qcow2' }
  assert.equal(parseDescriptor(text([], {}, { mode: 'split', executable: qcow2 }))?.code.format, 'qcow2')
})

test('what is no UEFI in two flash chips is left out, and so is what is damaged', () => {
  const wrong = [
    '',
    '{',
    'null',
    '[]',
    text([], { 'interface-types': ['bios'] }),
    text([], {}, { device: 'memory' }),
    text([], {}, { mode: 'stateless' }),
    text([], {}, { 'nvram-template': undefined }),
    text([], {}, { executable: { filename: 'relative.fd', format: 'raw' } }),
    text([], {}, { executable: { filename: '/x.fd', format: 'vmdk' } }),
  ]
  for (const one of wrong) assert.equal(parseDescriptor(one), undefined, one)
  // Nothing of it is for any board.
  assert.deepEqual(parseDescriptor(text([], { targets: 'all', features: 1 }))?.targets, [])
})

test('secure boot is a firmware with keys; plain UEFI has none and needs nothing', () => {
  const board = { arch: 'x86_64', type: 'pc-q35-7.2' } as const
  const fitting = (kind: 'uefi' | 'secure') =>
    [plain, withoutKeys, secure].map((descriptor) => isFirmwareFor(descriptor, { ...board, kind }))
  assert.deepEqual(fitting('uefi'), [true, false, false])
  assert.deepEqual(fitting('secure'), [false, false, true])
})

test('a firmware is for some boards: with a version, without one, and with more behind a comma', () => {
  const fits = (type: string, arch: 'x86_64' | 'aarch64' = 'x86_64') => isFirmwareFor(plain, { kind: 'uefi', arch, type })
  for (const type of ['pc-q35-7.2', 'q35', 'pc', 'pc-i440fx-10.0', 'q35,usb=off', 'pc-q35-rhel9.4.0']) assert.ok(fits(type), type)
  for (const type of ['microvm', 'isapc', 'virt']) assert.ok(!fits(type), type)
  assert.ok(!fits('pc-q35-7.2', 'aarch64'))
  const arm = parseDescriptor(text([], { targets: [{ architecture: 'aarch64', machines: ['virt'] }] })) ?? assert.fail()
  for (const type of ['virt', 'virt-7.2'])
    assert.equal(isFirmwareFor(arm, { kind: 'uefi', arch: 'aarch64', type }), type === 'virt')
})
