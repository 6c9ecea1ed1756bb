import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { describeOrigin } from './fold.js'
import type { Folded } from './fold.js'
import type { Subject } from './layers.js'
import { chooseClass, classFromProgram } from './class.js'
import { loadSettings, settingsFiles } from './layers.js'

let root = ''
let folders = { userFolder: '', systemFolder: '' }
before(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-layers-'))
})
after(() => fs.rmSync(root, { recursive: true }))

/** Fresh folders with these files in them, `user/NAME` and `system/NAME`. */
function write(files: Record<string, string>): void {
  const here = fs.mkdtempSync(path.join(root, 'case-'))
  folders = { userFolder: path.join(here, 'user'), systemFolder: path.join(here, 'system') }
  for (const folder of Object.values(folders)) fs.mkdirSync(folder)
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(here, name), text)
}

function load(given: Partial<Subject> = {}): Promise<Folded> {
  const environment = { HOME: '/home/me', ...given.environment }
  return loadSettings({ folders, vm: 'foo', vmClass: 'win', drawer: '/run/d', commandLine: {}, ...given, environment })
}

test('the files of a VM, weakest first', () => {
  const both = { userFolder: '/u', systemFolder: '/s' }
  const names = ['default.class', 'win.class', 'win-foo.vm']
  assert.deepEqual(
    settingsFiles(both, 'foo', 'win'),
    names.flatMap((name) => [`/s/${name}`, `/u/${name}`]),
  )
  assert.deepEqual(settingsFiles(both, 'foo', undefined), ['/s/default.class', '/u/default.class', '/s/foo.vm', '/u/foo.vm'])
  assert.deepEqual(settingsFiles({ userFolder: '/u', systemFolder: undefined }, 'foo', undefined), [
    '/u/default.class',
    '/u/foo.vm',
  ])
  assert.deepEqual(settingsFiles({ userFolder: undefined, systemFolder: '/s' }, undefined, 'win'), [
    '/s/default.class',
    '/s/win.class',
  ])
  assert.deepEqual(settingsFiles({ userFolder: '/s', systemFolder: '/s' }, undefined, 'default'), ['/s/default.class'])
})

// Every layer, weakest first, and how a value is put there.
const ranks = [
  'default',
  'system/default.class',
  'user/default.class',
  'system/win.class',
  'user/win.class',
  'system/win-foo.vm',
  'user/win-foo.vm',
  'environment',
  'command line',
]

test('each layer is above every weaker one', async () => {
  for (const [strong, strongName] of ranks.entries()) {
    for (const weakName of ranks.slice(0, strong)) {
      const set = [weakName, strongName]
      const value = (name: string): string => String(1000 + ranks.indexOf(name))
      write(Object.fromEntries(set.filter((name) => name.includes('/')).map((name) => [name, `\nmem=${value(name)}\n`])))
      const folded = await load({
        environment: set.includes('environment') ? { mem: value('environment') } : {},
        commandLine: set.includes('command line') ? { mem: value('command line') } : {},
      })
      const origin = strongName.includes('/') ? `${path.join(path.dirname(folders.userFolder), strongName)}:2` : strongName
      assert.equal(folded.texts.mem, value(strongName), set.join(' < '))
      assert.equal(describeOrigin(folded.origins.mem), origin, set.join(' < '))
    }
  }
})

test("the script's own class file: its defaults hold, and all of them can be overridden at run time", async () => {
  write({ 'system/win.class': 'mem=${mem:-2048}\nnet_if=e1000\ndrive_if=ide\ndrive_size=20G\n' })
  const pick = ({ texts: { mem, net_if, drive_if, drive_size } }: Folded): unknown[] => [mem, net_if, drive_if, drive_size]
  assert.deepEqual(pick(await load()), ['2048', 'e1000', 'ide', '20G'])
  const others = { mem: '4096', net_if: 'rtl8139', drive_if: 'scsi', drive_size: '5G' }
  assert.deepEqual(pick(await load({ environment: others })), Object.values(others))
  assert.deepEqual(pick(await load({ commandLine: others })), Object.values(others))
  assert.deepEqual(pick(await load({ commandLine: { mem: '4096' } })), ['4096', 'e1000', 'ide', '20G'])
  assert.deepEqual(pick(await load({ vmClass: undefined })), ['512', 'virtio-net-pci', 'virtio', '20G'])
  assert.equal((await load({ commandLine: { mem: '4096' } })).settings.mem, 4 * 1024 ** 3)
})

test('files can use vm, class, drawer, the home folder, and what the command line says', async () => {
  write({ 'user/default.class': 'args=(-name "$class-$vm" -writeconfig "$drawer/p" ~/x)\nsmp=$mem' })
  const { settings } = await load({ commandLine: { mem: '70' }, environment: { vm: 'other', class: 'other' } })
  assert.deepEqual(settings.args, ['-name', 'win-foo', '-writeconfig', '/run/d/p', '/home/me/x'])
  assert.equal(settings.smp, 70)
  write({ 'user/default.class': 'cpu=a$class.$drawer' })
  assert.equal(
    (await load({ vmClass: undefined, drawer: undefined, environment: { class: 'x', drawer: 'y' } })).settings.cpu,
    'a.',
  )
})

test('args of all layers add up with +=', async () => {
  write({ 'system/default.class': 'args=(-a)', 'user/win.class': 'args+=("b c")', 'user/win-foo.vm': 'args+=(-d)' })
  assert.deepEqual((await load()).settings.args, ['-a', 'b c', '-d'])
})

test('nothing in a file is ever run', async () => {
  const trace = path.join(root, 'trace')
  for (const text of [
    `mem=$(touch ${trace})`,
    `mem=2; touch ${trace}`,
    `mem=\`touch ${trace}\``,
    `mem=2 >${trace}`,
    `args=(<(touch ${trace}))`,
  ]) {
    write({ 'user/default.class': text })
    await assert.rejects(load(), UsageError, text)
    assert.equal(fs.existsSync(trace), false, text)
  }
})

test('what cannot be read is named: a folder, a pipe, bytes that are no UTF-8, a device that never ends, a giant', async () => {
  const refused = async (make: (file: string) => void, expected: RegExp): Promise<void> => {
    write({})
    const file = path.join(folders.userFolder, 'default.class')
    make(file)
    await assert.rejects(load(), (error) => {
      assert.ok(error instanceof UsageError && error.message.includes(file))
      assert.match(`${error.message} ${String(error.cause)}`, expected)
      return true
    })
  }
  await refused((file) => fs.mkdirSync(file), /not a regular file/)
  await refused((file) => execFileSync('mkfifo', [file]), /not a regular file/)
  await refused((file) => fs.symlinkSync('/dev/zero', file), /not a regular file/)
  await refused((file) => fs.symlinkSync(file, file), /cannot read/)
  await refused((file) => fs.writeFileSync(file, Buffer.from([0x6d, 0x3d, 0xff, 0x0a])), /:1:3: a byte that is not UTF-8/)
  await refused((file) => fs.writeFileSync(file, '#'.repeat(2 ** 21)), /larger than 1024K/)
  // Regular files by their kind, and yet without an end: the kernel's log waits for more of it, where we may read it.
  await refused((file) => fs.symlinkSync('/proc/kmsg', file), /cannot read|larger than|:1:1: /)
})

test('no folder, no files: the defaults', async () => {
  const missing = { userFolder: path.join(root, 'none'), systemFolder: undefined }
  assert.equal((await load({ folders: missing })).settings.mem, 512 * 1024 ** 2)
})

test("the class of a program's name", async () => {
  const classes: [string, string | undefined][] = [
    ['winvm', 'win'],
    ['/usr/local/bin/winvm', 'win'],
    ['nbsvm', undefined],
    ['/opt/bin/nbsvm', undefined],
    ['vm', undefined],
    ['nbsvm.cjs', undefined],
    ['node', undefined],
    ['my.testvm', 'my.test'],
  ]
  for (const [program, vmClass] of classes) assert.equal(classFromProgram(program), vmClass, program)
  assert.throws(() => classFromProgram('-vm'), UsageError)
})

test('the class: command line, else environment, else the name of the program', async () => {
  const choose = (commandLine: string | undefined, variable: string | undefined, program = 'winvm'): string | undefined =>
    chooseClass({ commandLine, environment: { class: variable }, program })
  assert.equal(choose('a', 'b'), 'a')
  assert.equal(choose(undefined, 'b'), 'b')
  assert.equal(choose(undefined, ''), 'win')
  assert.equal(choose(undefined, undefined), 'win')
  assert.equal(choose('', 'b'), undefined)
  assert.equal(choose(undefined, undefined, 'nbsvm'), undefined)
  assert.throws(() => choose('../x', undefined), UsageError)
  assert.throws(() => choose(undefined, '-rf'), UsageError)
})

test('the class windows needs no file; one of its name goes over it, and default.class stays below', async () => {
  write({ 'user/default.class': 'mem=1G\nvhost=no\n', 'user/windows.class': 'smp=6\n' })
  const { settings, origins } = await load({ vmClass: 'windows' })
  const { firmware, tpm, rtc, mem, smp, drive_if: drives, net_if: card, vhost } = settings
  assert.deepEqual([firmware, tpm, rtc, mem, drives, card], ['secure', 'yes', 'localtime', 4 * 1024 ** 3, 'sata', 'e1000e'])
  assert.deepEqual([smp, vhost], [6, 'no'])
  assert.equal(describeOrigin(origins.tpm), 'built-in windows.class:2')
  assert.equal((await load({ vmClass: 'toString' })).settings.tpm, undefined)
})
