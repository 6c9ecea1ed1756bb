// Debian's own text installer, as somebody would script it: on the serial port, and on the keyboard of the screen.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { pngSize } from '../../src/core/png.js'
import { makeHome, until } from '../cli.js'

const { nbsvm, folder } = makeHome()

const installer = path.resolve('build/installer')
const skip = existsSync(path.join(installer, 'stamp')) ? false : "scripts/installer has not fetched Debian's installer"

async function ok(...words: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await nbsvm(words)
  assert.equal(status, 0, `nbsvm ${words.join(' ')}\n${stdout}${stderr}`)
}

test('the installer is led through its menus, and to a shell on its screen', { skip }, async () => {
  const [kernel, initrd] = [path.join(installer, 'vmlinuz'), path.join(installer, 'initrd')]
  const append = 'console=ttyS0 quiet no_timer_check --- TERM=linux'
  // With less than 1 GB it asks for no language.
  const start = ['mem=1200', 'timeout=300', 'start', '-kernel', kernel, '-initrd', initrd, '-append', append, '--']
  await ok('di', ...start, 'wait', 'Select a language', 'wait', 'English', 'wait', '<Go Back>')
  await ok('di', 'type', '\\n', 'wait', 'Select your location', 'wait', 'United States', 'wait', '<Go Back>')

  await ok('di', 'key', 'alt-f2', 'ret', '--', 'type', '--screen', 'echo "by key $((6*7))" >/dev/ttyS0\\n', 'wait', 'by key 42')
  const file = path.join(folder, 'screen.png')
  await ok('di', 'screenshot', file)
  const png = readFileSync(file)
  assert.ok(pngSize(png).width >= 640)
  // A black screen takes a tenth of it.
  assert.ok(png.length > 2000, `${png.length} bytes`)
  await ok('di', 'stop')
})

test('memtest86+ boots from its disc', { skip }, async () => {
  await ok('mt', 'mem=64', `cdrom=${path.join(installer, 'memtest.iso')}`, 'start')
  // It is told nothing of a serial port, so its words are only where a PC has those of its screen.
  const words = async (): Promise<string> => {
    const { stdout } = await nbsvm(['mt', 'monitor'], { input: 'xp /160bx 0xb8000\n' })
    const bytes = [...stdout.matchAll(/ 0x([0-9a-f]{2})\b/g)].map(([, hex = '']) => Number.parseInt(hex, 16))
    return String.fromCharCode(...bytes.filter((_, at) => at % 2 === 0))
  }
  await until('its first line', 60_000, async () => /Memtest86\+ v\d/.test(await words()))
  const file = path.join(folder, 'memtest.png')
  await ok('mt', 'screenshot', file)
  assert.ok(readFileSync(file).length > 2000)
  await ok('mt', 'stop')
})
