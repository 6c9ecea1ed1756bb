// A guest of another processor: the Linux that `scripts/guest aarch64` makes, under QEMU's translation.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { before, test } from 'node:test'
import { guestDisk, makeHome } from '../cli.js'
import { guestPrompt, Serial } from '../guest.js'

const home = makeHome()
const { nbsvm } = home
const isDebian = fs.existsSync('/usr/bin/apt-get')
const skip = isDebian ? false : "the guest for aarch64 is made of Debian's packages"
const file = (name: string): string => path.resolve('build/guest-aarch64', name)
const kernel = ['-kernel', file('vmlinuz'), '-initrd', file('initrd'), '-append', 'console=ttyAMA0 quiet']
const recordOf = (id: string) =>
  JSON.parse(fs.readFileSync(path.join(home.folder, 'vms', id, 'machine.json'), 'utf8')) as Record<string, unknown>

before(() => {
  if (isDebian) execFileSync(path.resolve('scripts/guest'), ['aarch64'], { stdio: ['ignore', 'ignore', 'pipe'] })
})

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(words)
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
  return stdout + stderr
}

test('an aarch64 kernel boots by UEFI to its shell, with disk, network, screen, keyboard and TPM', { skip }, async () => {
  await ok('arm', 'arch=aarch64', `source=${guestDisk}`, 'snapshot')
  await ok('arm', 'arch=aarch64', 'tpm=yes', 'start', ...kernel)
  const serial = await Serial.open(path.join(home.folder, 'state/arm/run/console.sock'))
  try {
    await serial.waitFor(guestPrompt)
    assert.match(await serial.command('uname -m'), /^aarch64$/m)
    assert.match(await serial.command('ls -d /sys/firmware/efi'), /^\/sys\/firmware\/efi$/m)
    assert.match(await serial.command('ls /disk'), /vmlinuz/)
    assert.match(await serial.command('ip link show eth0'), /52:54:/)
    assert.match(await serial.command('cat /sys/class/tpm/tpm0/tpm_version_major'), /^2$/m)
    assert.match(await ok('arm'), /^ *board +aarch64, virt-\d\S*, CPU max,pauth-impdef=on, UEFI, TPM$/m)
  } finally {
    serial.close()
    await ok('arm', 'stop')
  }
  const { arch, machine, firmware } = recordOf('arm')
  assert.deepEqual([arch, String(machine).slice(0, 5), firmware], ['aarch64', 'virt-', 'uefi'])
})

test('what was started as one processor is started as it again, and as no other', { skip }, async () => {
  assert.match(await ok('arm', 'explain'), /^# arch=aarch64 +pinned in the record$/m)
  const other = await nbsvm(['arm', 'arch=x86_64', 'start'])
  assert.equal(other.status, 1)
  assert.match(
    other.stderr,
    /cannot start arm as x86_64: it was first started as aarch64[^]*\n {2}leave arch out: nbsvm arm start\n/,
  )
  await ok('copy', 'gold=arm', 'snapshot')
  assert.equal(recordOf('copy')['arch'], 'aarch64')
})

test('KVM is not tried for another processor, and IDE drives are refused by name', { skip }, async () => {
  const kvm = await nbsvm(['arm', 'accel=kvm', 'start'])
  assert.equal(kvm.status, 1)
  assert.match(kvm.stderr, /this machine has no aarch64 processor/)
  const ide = await nbsvm(['arm', 'drive_if=ide', 'start'])
  assert.equal(ide.status, 2)
  assert.match(ide.stderr, /drive_if=ide: the board virt-\S+ has no IDE\n {2}drive_if=virtio is fastest; drive_if=sata works too/)
})

test('a QEMU that is not there is named, with what installs it', async () => {
  const { status, stderr } = await nbsvm(['risc', 'arch=riscv64', 'start', '-S'], { env: { PATH: '/bin:/usr/bin' } })
  if (status === 0) await ok('risc', 'stop')
  else
    assert.match(stderr, /there is no qemu-system-riscv64 on this machine\n {2}install QEMU: .*riscv|UEFI firmware for riscv64/)
})
