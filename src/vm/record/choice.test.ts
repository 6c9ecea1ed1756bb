import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GuestTraits } from '../../model/guest.js'
import { hostArch } from '../../sys/environment.js'
import { archOf, firmwareOf } from './choice.js'
import type { MachineRecord } from './shape.js'

const none = { arch: undefined, qemu: undefined, firmware: undefined }
const recordOf = (fields: Partial<MachineRecord>): MachineRecord => fields as MachineRecord
const madeOf = (traits: Partial<GuestTraits>): MachineRecord =>
  recordOf({ image: { name: 'x', digest: 'sha256:0', level: 'pinned', traits: traits as GuestTraits } })

test('the processor: the setting, the first start, the image, the name of the program, this machine', () => {
  assert.equal(archOf(none, undefined), hostArch())
  assert.equal(archOf({ ...none, qemu: '/opt/bin/qemu-system-riscv64' }, undefined), 'riscv64')
  const image = madeOf({ arch: 'aarch64', firmware: ['uefi'] })
  assert.equal(archOf({ ...none, qemu: '/opt/bin/qemu-system-riscv64' }, image), 'aarch64')
  assert.equal(archOf(none, { ...image, arch: 'x86_64' }), 'x86_64')
  assert.equal(archOf({ ...none, arch: 'riscv64' }, image), 'riscv64')
})

test('the firmware: the setting, the first start, what image and board know', () => {
  const x86 = { ...none, arch: 'x86_64' } as const
  assert.equal(firmwareOf(x86, undefined), 'bios')
  assert.equal(firmwareOf(x86, madeOf({ arch: 'x86_64', firmware: ['bios', 'uefi'] })), 'bios')
  assert.equal(firmwareOf(x86, madeOf({ arch: 'x86_64', firmware: ['uefi'] })), 'uefi')
  assert.equal(firmwareOf(x86, recordOf({ firmware: 'secure' })), 'secure')
  assert.equal(firmwareOf({ ...x86, firmware: 'bios' }, recordOf({ firmware: 'secure' })), 'bios')
  assert.equal(firmwareOf({ ...none, arch: 'aarch64' }, undefined), 'uefi')
})
