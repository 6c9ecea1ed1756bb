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
  const layers = { commandLine: { mem: '100' }, environment: { smp: '2' }, files: said({ cpu: 'x' }) }
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
  const { settings } = foldSettings({ ...nothing, environment: { PATH: '/bin', MEM: '1', nonsense: '2', mem: '300' } })
  assert.equal(settings.mem, 300 * 1024 ** 2)
  assert.deepEqual(Object.keys(settings), settingNames)
})

test('what is not a value is an error that names the setting and its origin', () => {
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
  assert.match(message({ commandLine: { source: 'x.img' } }), /expected an absolute path, not "x.img"/)
  assert.match(message({ files: said({ mem: ['1', '2'] }) }), /^mem: expected .*, not an array, from/)
  assert.match(message({ environment: { mem: 'x' } }), /\nif that variable is not meant for nbsvm: env -u mem nbsvm \.\.\.$/)
})

test('options that nbsvm cannot let through, and words that are not options, are refused from every layer, with its place', () => {
  const layersOf = (value: string, name: SettingName): [from: string, layers: typeof nothing][] => [
    ['', { ...nothing, commandLine: { [name]: value } }],
    [', from environment', { ...nothing, environment: { [name]: value } }],
    [`, from ${file}:1`, { ...nothing, files: said({ [name]: value }) }],
    [`, from ${file}:1`, { ...nothing, files: said({ [name]: value.split(' ') }) }],
  ]
  for (const name of ['args', 'drives', 'display', 'usb', 'network'] as const) {
    for (const [value, why] of [
      ['-daemonize', 'the QEMU option -daemonize cannot be given to a VM'],
      ['-S --pidfile /x', 'the QEMU option --pidfile cannot be given to a VM'],
      ['prod', 'expected QEMU options, which begin with "-", not "prod"'],
    ] as const) {
      for (const [from, layers] of layersOf(value, name)) {
        assert.throws(
          () => foldSettings(layers),
          (error) => error instanceof UsageError && error.message.endsWith(`: ${why}${from}`) && error.message.startsWith(name),
          `${name}=${value}${from}`,
        )
      }
    }
  }
})

test('none turns a thing off, in words as an array, and takes away what a weaker layer has set', () => {
  for (const name of ['args', 'drives', 'display', 'usb', 'network', 'forward', 'bridge', 'viewer'] as const) {
    assert.deepEqual(foldSettings({ ...nothing, commandLine: { [name]: 'none' } }).settings[name], [], name)
    assert.deepEqual(foldSettings({ ...nothing, files: said({ [name]: ['none'] }) }).settings[name], [], name)
  }
  const files = said({ vg: 'vg0', pool: 'thin', bs: '1M' })
  const { settings } = foldSettings({ ...nothing, commandLine: { vg: 'none', pool: 'none', bs: 'none' }, files })
  assert.deepEqual([settings.vg, settings.pool, settings.bs], [undefined, undefined, undefined])
})

test('a number alone that can only be gigabytes is not taken for megabytes', () => {
  const memory = (mem: string) => foldSettings({ ...nothing, commandLine: { mem } }).settings.mem / 1024 ** 2
  assert.throws(() => memory('2'), /^UsageError: mem=2: 2 alone is 2 megabytes, too little .*: write 2G, or 2M if you mean that$/)
  assert.throws(() => memory('1.5'), /write 1\.5G/)
  assert.deepEqual(['16', '2M', '2G', '640k', '512MB'].map(memory), [16, 2, 2048, 0.625, 512])
})
