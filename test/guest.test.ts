// The small Linux of scripts/guest, by the real program: what the other tests and the demo rely on.
import assert from 'node:assert/strict'
import path from 'node:path'
import { after, test } from 'node:test'
import { guestDisk, guestKernel, makeHome, program } from './cli.js'
import { freePort, guestPrompt, Serial, Terminal } from './guest.js'

const home = makeHome()
const nbsvm: typeof home.nbsvm = (args) => home.nbsvm(args)

async function serialOf(id: string): Promise<Serial> {
  return Serial.open(path.join(home.folder, 'state', id, 'run/console.sock'))
}

test('its disk boots, is mounted, and keeps what is written; the power button ends it', async () => {
  assert.equal((await nbsvm(['disk', `source=${guestDisk}`, 'clone', 'start'])).status, 0)
  const serial = await serialOf('disk')
  await serial.waitFor(/guest ready/)
  await serial.waitFor(guestPrompt)
  assert.equal(await serial.command('echo kept >/disk/file; sync; cat /disk/file'), 'kept\n')
  serial.close()
  const end = await nbsvm(['disk', 'shutdown'])
  assert.equal(end.status, 0)
  assert.match(end.stderr, /the guest shut down/)
})

test('its disk boots on every kind of controller', { timeout: 400_000 }, async () => {
  assert.equal((await nbsvm(['kinds', `source=${guestDisk}`, 'clone'])).status, 0)
  for (const kind of ['scsi', 'ide', 'sata', 'nvme', 'usb']) {
    assert.equal((await nbsvm(['kinds', `drive_if=${kind}`, 'start'])).status, 0, kind)
    const serial = await serialOf('kinds')
    await serial.waitFor(/guest ready/)
    await serial.waitFor(guestPrompt)
    serial.close()
    await nbsvm(['kinds', 'stop'])
  }
})

test('it has an address, and serves a page that a forwarded port leads to', async () => {
  const port = await freePort()
  assert.equal((await nbsvm(['net', `forward=${port}:80`, 'start', ...guestKernel])).status, 0)
  const serial = await serialOf('net')
  await serial.waitFor(guestPrompt)
  await serial.command('until ip addr show eth0 | grep -q "inet "; do sleep 0.2; done')
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  assert.equal(await answer.text(), 'nbsvm test guest\n')
  serial.close()
})

test('its panic reaches the host', async () => {
  assert.equal((await nbsvm(['panic', 'start', ...guestKernel])).status, 0)
  const serial = await serialOf('panic')
  await serial.waitFor(guestPrompt)
  serial.send('echo c >/proc/sysrq-trigger\n')
  await serial.waitFor(/sysrq triggered crash/i)
  serial.close()
  const { stdout } = await nbsvm(['panic'])
  assert.match(stdout, /panic/)
})

test('newimg start console typed in a terminal: the guest, Ctrl-], and the shell again', async () => {
  const terminal = new Terminal({ ...home.env, PATH: `${path.dirname(program)}:${process.env['PATH'] ?? ''}` })
  after(() => terminal.close())
  await terminal.waitFor(/user\$/)
  terminal.type(`nbsvm.cjs typed drive_size=1G newimg start ${guestKernel.map((word) => `'${word}'`).join(' ')} -- console\n`)
  await terminal.waitFor(/guest#/)
  terminal.type('echo 6 times 7 is $((6 * 7))\n')
  await terminal.waitFor(/6 times 7 is 42/)
  terminal.key('C-]')
  await terminal.waitFor(/left typed.*\nuser\$/)
  terminal.type('[[ $(stty -a) == *" icanon "*" echo "* ]] && echo all in order\n')
  const screen = await terminal.waitFor(/\nall in order/)
  assert.doesNotMatch(screen.slice(screen.indexOf('left typed')), /\[6n|;1R|\^\[/)
})
