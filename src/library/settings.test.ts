import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings, type VmSettings } from './settings.js'

test('what a setting means becomes what it would be on the line', () => {
  const { settings, vmClass } = readSettings({
    class: 'win',
    mem: 2048,
    smp: '2',
    tpm: true,
    balloon: false,
    forward: ['8080:80', '5353:53/udp'],
    args: ['-name', 'two words'],
    cdrom: [],
    user: undefined,
  })
  assert.equal(vmClass, 'win')
  assert.deepEqual(settings, {
    mem: '2048',
    smp: '2',
    tpm: 'yes',
    balloon: 'no',
    forward: '8080:80 5353:53/udp',
    args: "-name 'two words'",
    cdrom: 'none',
  })
})

test('what cannot be is refused at once, with the setting that was meant', () => {
  const refused = (settings: unknown, message: RegExp): void => assert.throws(() => readSettings(settings as VmSettings), message)
  refused({ mem: 'much' }, /^UsageError: mem=much: /)
  refused({ memm: '2G' }, /there is no setting "memm"; did you mean mem\?/)
  refused({ firmware: 'coreboot' }, /expected bios, uefi, secure, not "coreboot"/)
  refused({ class: 'no/class' }, /not a class name/)
  refused({ mem: { much: true } }, /mem is neither a text nor a number, nor a list of words/)
  refused({ mem: null }, /mem is neither/)
})

test('types follow the table of settings', () => {
  const right: VmSettings[] = [{ mem: 1 }, { mem: '2G' }, { firmware: 'uefi' }, { tpm: true }, { share: '~/src:/src' }]
  assert.equal(right.length, 5)
  // @ts-expect-error there is no such firmware
  assert.throws(() => readSettings({ firmware: 'coreboot' }))
  // @ts-expect-error a size is no list
  readSettings({ drive_size: ['2G'] })
})
