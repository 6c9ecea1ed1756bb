import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import type { FileValue } from './evaluate.js'
import { describeOrigin, foldSettings } from './fold.js'
import type { SettingName } from './settings.js'
import { settingNames, settingsTable } from './settings.js'

const file = '/etc/nbsvm/win.class'

function said(values: Partial<Record<SettingName, string | readonly string[]>>): Map<SettingName, FileValue> {
  return new Map(Object.entries(values).map(([name, value], index) => [name as SettingName, { value, file, line: index + 1 }]))
}

const nothing = { commandLine: {}, environment: {}, files: said({}) }

test('with nothing said, every setting has the default of the table', () => {
  const { settings, origins, texts } = foldSettings(nothing)
  assert.deepEqual(Object.keys(settings), settingNames)
  for (const name of settingNames) {
    assert.deepEqual(origins[name], { kind: 'default' })
    assert.equal(texts[name], settingsTable[name].default)
    assert.equal(settings[name] === undefined, settingsTable[name].default === undefined, name)
  }
  assert.equal(settings.mem, 512 * 1024 ** 2)
  assert.equal(settings.drive_size, 20 * 1024 ** 3)
  assert.equal(settings.timeout, 60)
})

test('values are typed: sizes in bytes, numbers, words', () => {
  const commandLine = { mem: '2G', smp: '4', args: `-a 'b c' "d"`, drive_if: 'ide', vnc_port: '5901', source: '/dev/x y' }
  const { settings } = foldSettings({ ...nothing, commandLine })
  assert.equal(settings.mem, 2 * 1024 ** 3)
  assert.equal(settings.smp, 4)
  assert.deepEqual(settings.args, ['-a', 'b c', 'd'])
  assert.equal(settings.drive_if, 'ide')
  assert.equal(settings.vnc_port, 5901)
  assert.equal(settings.source, '/dev/x y')
})

test('an origin says where a value came from', () => {
  const layers = { commandLine: { mem: '1' }, environment: { smp: '2' }, files: said({ cpu: 'x' }) }
  const { origins } = foldSettings(layers)
  assert.deepEqual([origins.mem, origins.smp, origins.cpu, origins.net_if].map(describeOrigin), [
    'command line',
    'environment',
    `${file}:1`,
    'default',
  ])
})

test('an empty value on the command line or in a file means the built-in default; in the environment it counts as unset', () => {
  const files = said({ mem: '1024', smp: '', args: '' })
  const folded = foldSettings({ commandLine: { mem: '' }, environment: { smp: '8', net_if: '' }, files })
  assert.equal(folded.texts.mem, '512')
  assert.equal(folded.texts.smp, '8')
  assert.equal(folded.settings.args, undefined)
  assert.deepEqual([folded.origins.mem, folded.origins.args], [{ kind: 'default' }, { kind: 'default' }])
  assert.equal(foldSettings({ ...nothing, environment: { mem: '' }, files }).texts.mem, '1024')
})

test('a blank for words is an empty list, in every layer, and so is an empty array', () => {
  assert.deepEqual(foldSettings({ ...nothing, commandLine: { usb: ' ' } }).settings.usb, [])
  assert.deepEqual(foldSettings({ ...nothing, environment: { usb: ' ' } }).settings.usb, [])
  assert.deepEqual(foldSettings({ ...nothing, files: said({ usb: ' ' }) }).settings.usb, [])
  assert.deepEqual(foldSettings({ ...nothing, files: said({ usb: [] }) }).settings.usb, [])
  assert.equal(foldSettings(nothing).settings.usb, undefined)
})

test('words are split as a shell would where they are a string, and taken as they are from an array', () => {
  const { settings, texts } = foldSettings({ ...nothing, files: said({ args: ['-a', 'b c', ''], display: `-vga 'a b'` }) })
  assert.deepEqual(settings.args, ['-a', 'b c', ''])
  assert.deepEqual(settings.display, ['-vga', 'a b'])
  assert.deepEqual([texts.args, texts.display], [['-a', 'b c', ''], `-vga 'a b'`])
})

test('only names of settings count in the environment', () => {
  const { settings } = foldSettings({ ...nothing, environment: { PATH: '/bin', MEM: '1', nonsense: '2', mem: '3' } })
  assert.equal(settings.mem, 3 * 1024 ** 2)
  assert.deepEqual(Object.keys(settings), settingNames)
})

test('what is no value is an error that names the setting and its origin', () => {
  const message = (layers: Partial<typeof nothing>): string => {
    try {
      foldSettings({ ...nothing, ...layers })
    } catch (error) {
      assert.ok(error instanceof UsageError)
      return [error.message, ...error.hints].join('\n')
    }
    return 'accepted'
  }
  assert.match(message({ commandLine: { mem: 'abc' } }), /^mem=abc: "abc" is not a size.*\nmem is a size in MB, or like 2G$/)
  assert.match(message({ environment: { smp: '0' } }), /^smp: expected a whole number.*, not "0", from environment\n/)
  assert.match(message({ files: said({ drive_if: 'floppy' }) }), /^drive_if: .*"floppy", from \/etc\/nbsvm\/win\.class:1\n/)
  assert.match(message({ files: said({ args: `-a 'b` }) }), /^args: .*, from \/etc\/nbsvm\/win\.class:1\n/)
  assert.match(message({ commandLine: { net_if: ' ' } }), /^net_if= : expected a word, not " "\n/)
  assert.match(message({ commandLine: { source: 'x.img' } }), /expected a full path, not "x.img"/)
  assert.match(message({ files: said({ mem: ['1', '2'] }) }), /^mem: expected .*, not an array, from/)
})
