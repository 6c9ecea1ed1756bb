// What comes to a running guest and leaves it: discs, disks, memory. By the real program, seen in the guest.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import type { Status } from '../src/vm/life/status.js'
import { guestKernel, makeHome, until } from './cli.js'
import { guestPrompt, Serial } from './guest.js'

const home = makeHome()
const { nbsvm } = home
// Root's QEMU has a user of its own, who is to find discs and disks that are open to all.
chmodSync(home.folder, 0o755)

const file = (name: string): string => path.join(home.folder, name)

async function ok(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(words)
  assert.equal(status, 0, stderr)
  return stdout + stderr
}

async function refused(words: readonly string[], status: number, expected: RegExp): Promise<void> {
  const result = await nbsvm(words)
  assert.equal(result.status, status, result.stderr)
  assert.match(result.stderr, expected)
}

const seen = async (id = 'foo'): Promise<Status> => JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as Status

/** As little of ISO 9660 as tells a disc from a disk, and a text in its first block. */
function writeIso(name: string, text: string): string {
  const bytes = Buffer.alloc(64 * 1024)
  bytes.write(text)
  bytes.write('CD001', 32_769)
  writeFileSync(file(name), bytes, { mode: 0o644 })
  return file(name)
}

const first = writeIso('first.iso', 'the first disc\n')
const second = writeIso('second.iso', 'the second disc\n')
execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file('data.qcow2'), '64M'])
const raw = Buffer.alloc(1024 * 1024)
raw.write('the raw disk, it\n')
writeFileSync(file('data.raw'), raw, { mode: 0o644 })
chmodSync(file('data.qcow2'), 0o666)

let serial: Serial
const serials: Serial[] = []
after(() => serials.forEach((one) => one.close()))
async function boot(id: string, ...settings: readonly string[]): Promise<void> {
  await ok(id, ...settings, 'newimg', 'start', ...guestKernel)
  serial = await Serial.open(file(`state/${id}/run/console.sock`))
  serials.push(serial)
  await serial.waitFor(guestPrompt)
  // It looks for drivers only when it boots.
  await guest('modprobe -a virtio_scsi sd_mod sr_mod virtio_balloon')
}
const guest = (line: string): Promise<string> => serial.command(line, 60_000)
/** What the guest reads at the beginning of a disk or disc. */
const begin = (disk: string): Promise<string> => guest(`head -c 15 /dev/${disk}`)
const inGuest = (what: string, line: string, expected: RegExp): Promise<void> =>
  until(what, 20_000, async () => expected.test(await guest(line)))

test('the disc of cdrom= is in the guest; eject and attach change it while it runs', async () => {
  // This guest has no driver for SATA, which is where the disc is on q35.
  await boot('cd', `cdrom=${first}`, 'machine=pc')
  assert.match(await begin('sr0'), /the first disc/)
  assert.match(await ok('cd'), new RegExp(`disc +cd0 +${first}\n`))
  await refused(['cd', 'attach', second], 1, new RegExp(`no empty disc drive: cd0 holds ${first}\n.*eject attach`))

  assert.match(await ok('cd', 'eject'), /cd0: .*first\.iso is out/)
  assert.deepEqual((await seen('cd')).discs, [{ drive: 'cd0', path: null }])
  assert.match(await ok('cd'), /disc +cd0 +empty\n/)
  await refused(['cd', 'eject'], 1, /there is no disc in cd0/)
  await ok('cd', 'attach', second)
  assert.deepEqual((await seen('cd')).discs, [{ drive: 'cd0', path: second }])
  await inGuest('the second disc', 'head -c 15 /dev/sr0', /the second disc/)
})

test('a guest that has locked its drive keeps the disc, unless it is taken by force', async () => {
  // What mount(8) does to the drive: CDROM_LOCKDOOR comes with the open file of the mounted disc.
  await guest('exec 7</dev/sr0; echo 1 >/proc/sys/dev/cdrom/lock; exec 7<&-; exec 7</dev/sr0')
  await refused(['cd', 'eject'], 1, /the guest does not let go of the disc in cd0\n.*unmount it there first\n.*eject --force/)
  assert.deepEqual((await seen('cd')).discs, [{ drive: 'cd0', path: second }])
  await ok('cd', 'eject', '--force')
  await guest('exec 7<&-')
  await ok('cd', 'stop')
})

test('a disk image, a raw one that the guest may only read, and its own new drive: seen in the guest, and gone again', async () => {
  await boot('foo')
  const disks = 'ls /sys/block'
  assert.match(await ok('foo', 'attach', file('data.qcow2')), /disk hot0: .*data\.qcow2/)
  await inGuest('the first disk', disks, /\bsda\b/)
  await guest('echo written >/dev/sda; sync')
  await refused(['foo', 'attach', file('data.qcow2')], 1, /data\.qcow2 is attached to foo already, as hot0/)
  await ok('foo', 'attach', '--read-only', file('data.raw'))
  await inGuest('the second disk', disks, /\bsdb\b/)
  assert.match(await guest('cat /sys/block/sdb/ro'), /1/)
  assert.match(await begin('sdb'), /the raw disk/)
  await ok('foo', 'newimg', 'attach', '1')
  await inGuest('its own drive', disks, /\bsdc\b/)
  await refused(['foo', 'attach', '1'], 1, /foo has drive 1 already/)
  // A new layer under it, while it runs.
  await ok('copy', 'gold=foo-1', 'snapshot')
  assert.deepEqual(
    (await seen()).devices.map(({ name, kind, what }) => `${name} ${kind} ${path.basename(what ?? '')}`),
    ['hot0 disk data.qcow2', 'hot1 disk data.raw', 'disk1 disk nbsvm-foo-1.qcow2'],
  )
  assert.match(await ok('foo'), /attached +hot1 +disk .*data\.raw\n/)

  await ok('foo', 'attach', first)
  await inGuest('a disc in a drive of its own', 'head -c 15 /dev/sr0', /the first disc/)
  await ok('foo', 'eject', 'attach', second)
  await inGuest('the next disc in it', 'head -c 15 /dev/sr0', /the second disc/)

  await ok('foo', 'detach', 'hot0')
  // Taken away by somebody else before.
  await nbsvm(['foo', 'monitor'], { input: 'device_del hot1\n' })
  await inGuest('the end of the raw disk', `${disks}; echo`, /^(?!.*sdb)/s)
  await ok('foo', 'detach', file('data.raw'))
  // Gone, and still written down: so a nbsvm leaves it that is killed as it detaches.
  await ok('foo', 'attach', '--read-only', file('data.raw'))
  await nbsvm(['foo', 'monitor'], { input: 'device_del hot0\n' })
  await inGuest('the end of the raw disk', `${disks}; echo`, /^(?!.*sd[ab])/s)
  assert.match(await ok('foo', 'attach', '--read-only', file('data.raw')), /disk hot0/)
  await ok('foo', 'detach', 'hot0')
  await ok('foo', 'detach', second)
  await ok('foo', 'detach', '1')
  await inGuest('the end of the disks', `${disks}; echo`, /^(?!.*sd[abc])/s)
  assert.deepEqual((await seen()).devices, [])
  await refused(['foo', 'detach', 'hot0'], 1, /hot0 was not attached to foo.*\n.*nothing was attached/)
  assert.match(execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'read -v 0 8', file('data.qcow2')], { encoding: 'utf8' }), /written/)
})

test('the balloon takes memory and gives it back; status shows what the guest has', async () => {
  const free = async (): Promise<number> => Number(/MemTotal: +(\d+)/.exec(await guest('cat /proc/meminfo'))?.[1]) * 1024
  const before = await free()
  assert.match(await ok('foo', 'balloon', '256M'), /256M of 512M RAM/)
  assert.match(await ok('foo'), /machine +512M RAM \(256M now\)/)
  assert.ok((await free()) < before - 200 * 1024 ** 2)
  await refused(['foo', 'balloon', '1G'], 1, /foo was started with 512M.*\n.*mem=1G stop start/)
  await ok('foo', 'balloon', '512M')
  assert.equal((await seen()).memNowBytes, 512 * 1024 ** 2)
})

test('what is not there, is no disk, or refers to other files is told', async () => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', file('data.qcow2'), file('over.qcow2')])
  writeFileSync(file('text.iso'), 'not a disc at all\n'.repeat(100))
  await refused(['foo', 'attach', '/no/such'], 1, /there is no file \/no\/such/)
  await refused(['foo', 'attach', 'usb:mouse'], 2, /"usb:mouse" is not a USB device\n {2}write it like usb:046d:c52b or usb:1-4/)
  await refused(
    ['foo', 'attach', file('over.qcow2')],
    1,
    /refers to other files of this host: .*data\.qcow2\n.*source=PATH snapshot/,
  )
  await refused(['foo', 'attach', file('text.iso')], 2, /is a text file/)
  await refused(['foo', 'attach', '7'], 2, /foo has no drive "7"/)
  await refused(['foo', 'attach', 'usb:dead:beef'], 1, /this machine has no USB device dead:beef/)
  await refused(['foo', 'start', '--if-needed', 'balloon', 'much'], 2, /"much" is not a size/)
  assert.deepEqual((await seen()).devices, [])
})

test('it is gone when the VM ends, and its files can be had by others', async () => {
  await ok('foo', 'attach', file('data.qcow2'), 'stop')
  await refused(['foo', 'attach', file('data.qcow2')], 1, /cannot attach .* foo: it is not running/)
  await refused(['foo', 'eject'], 1, /it is not running/)
  await refused(['foo', `cdrom=${file('none.iso')}`, 'start', '-S'], 1, /there is no disc .*none\.iso\n/)
  await refused(['foo', `cdrom=${file('data.qcow2')}`, 'start', '-S'], 1, /data\.qcow2 is a disk \(qcow2\), not a disc/)
  await refused(['foo', 'cdrom=none.iso', 'start', '-S'], 2, /there is no "none\.iso" in this folder/)
  await ok('foo', 'start', '-S')
  const { discs, devices } = await seen()
  assert.deepEqual([discs, devices], [[], []])
  await ok('foo', 'attach', first)
  assert.deepEqual((await seen()).discs, [{ drive: 'hot0', path: first }])
  await ok('foo', 'detach', 'hot0', 'stop')
})

const ipxe = '/usr/lib/ipxe/ipxe.iso'

test(
  'an ISO boots from cdrom=, behind an empty drive',
  { skip: existsSync(ipxe) ? false : 'ipxe is not installed' },
  async () => {
    await ok('boot', `cdrom=${ipxe}`, 'network=none', 'newimg', 'start')
    await until('iPXE on the console', 60_000, async () => (await nbsvm(['boot', 'log'])).stdout.includes('iPXE'))
    await ok('boot', 'stop')
  },
)
