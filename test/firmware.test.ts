// UEFI, secure boot and the TPM, seen from the guest: QEMU's firmware of this machine and the disk that scripts/guest makes.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { guestDisk, guestKernel, makeHome, until } from './cli.js'
import { guestPrompt, Serial } from './guest.js'

const home = makeHome()
const { nbsvm } = home
const isRoot = process.geteuid?.() === 0
const record = (id: string): string => path.join(home.folder, 'vms', id)
const drawer = (id: string): string => path.join(home.folder, 'state', id)
const recordOf = (id: string) =>
  JSON.parse(fs.readFileSync(path.join(record(id), 'machine.json'), 'utf8')) as { firmware?: string }

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(words)
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
  return stdout + stderr
}

const serialOf = (id: string): Promise<Serial> => Serial.open(path.join(drawer(id), 'run/console.sock'))

/** Starts a VM, lets `look` work in its guest's shell, and ends it. */
async function inGuest<T>(words: readonly string[], look: (serial: Serial) => Promise<T>): Promise<T> {
  const [id = ''] = words
  await ok(...words)
  const serial = await serialOf(id)
  try {
    await serial.waitFor(guestPrompt)
    return await look(serial)
  } finally {
    serial.close()
    await ok(id, 'stop')
  }
}

const variable = '/sys/firmware/efi/efivars/NbsvmTest-6a4f1c2e-0d3b-4a8e-9b57-3e2d1c0b9a88'
const mountVariables = 'modprobe efivarfs; mount -t efivarfs v /sys/firmware/efi/efivars'

test('firmware=uefi: the guest boots from its disk by UEFI, and what it writes into a variable is there at the next start', async () => {
  await ok('foo', 'firmware=uefi', `source=${guestDisk}`, 'snapshot')
  const first = await inGuest(['foo', 'firmware=uefi', 'start'], async (serial) => {
    await serial.command(mountVariables)
    await serial.command(`printf '\\007\\000\\000\\000kept' >${variable} && sync`)
    assert.match(await nbsvm(['foo']).then(({ stdout }) => stdout), /^ *board .*, UEFI$/m)
    return serial.text
  })
  assert.match(first, /BdsDxe: (?:loading|starting) Boot/)
  assert.equal(fs.statSync(path.join(record('foo'), 'nvram-uefi.qcow2')).mode & 0o777, 0o600)
  // The kind of its first start is that of the next.
  assert.equal(recordOf('foo').firmware, 'uefi')
  assert.match(await ok('foo', 'explain'), /^# firmware=uefi +pinned in the record$/m)
  await inGuest(['foo', 'start'], async (serial) => {
    await serial.command(mountVariables)
    assert.match(await serial.command(`cat ${variable}`), /kept/)
    // The port has room for one.
    serial.close()
    await statesHaveVariables()
  })
})

/** Variables of a UEFI are a part of what is frozen of `foo`, which runs, and each fork has its own. */
async function statesHaveVariables(): Promise<void> {
  const shell = async (id: string, line: string): Promise<string> => {
    const serial = await serialOf(id)
    try {
      serial.send('\n')
      await serial.waitFor(guestPrompt)
      return await serial.command(line)
    } finally {
      serial.close()
    }
  }
  const named = (name: string): string => variable.replace('NbsvmTest', name)
  const write = (id: string, name: string): Promise<string> =>
    shell(id, `printf '\\007\\000\\000\\000${name}' >${named(name)} && sync`)
  // As its firmware has them: what the kernel knew of them is forgotten.
  const again = 'umount /sys/firmware/efi/efivars; mount -t efivarfs v /sys/firmware/efi/efivars'
  const read = async (id: string): Promise<string[]> =>
    [...(await shell(id, `${again}; ls /sys/firmware/efi/efivars`)).matchAll(/Nbsvm\w+/g)].map(([name]) => name)
  /** Names are there in two bytes a letter. */
  const hasInFile = (id: string, name: string): boolean => {
    const raw = path.join(home.folder, 'variables')
    execFileSync('qemu-img', ['convert', '-U', '-O', 'raw', path.join(record(id), 'nvram-uefi.qcow2'), raw])
    return fs.readFileSync(raw).includes(Buffer.from(name, 'utf16le'))
  }
  await ok('foo', 'freeze', 'checkpoint', 'c')
  await write('foo', 'NbsvmLater')
  await ok('twig', 'gold=foo', 'identity=no', 'fork')
  await write('twig', 'NbsvmForked')
  assert.deepEqual(await read('twig'), ['NbsvmForked', 'NbsvmTest'])
  assert.deepEqual(await read('foo'), ['NbsvmLater', 'NbsvmTest'])
  await ok('twig', 'stop')
  assert.deepEqual(
    [hasInFile('twig', 'NbsvmForked'), hasInFile('twig', 'NbsvmTest'), hasInFile('foo', 'NbsvmForked')],
    [true, true, false],
  )
  await ok('twig', 'rm', '--yes')
  await ok('foo', 'rollback', 'c', '--yes')
  assert.deepEqual(await read('foo'), ['NbsvmTest'])
  await write('foo', 'NbsvmSaved')
  await ok('foo', 'save', 'start', 'checkpoints', '--rm=c', 'freeze', '--rm')
  assert.deepEqual(await read('foo'), ['NbsvmSaved', 'NbsvmTest'])
}

test('firmware=secure boots what is signed, with variables of its own', async () => {
  const answer = await nbsvm(['foo', 'firmware=secure', 'start'])
  assert.equal(answer.status, 0, answer.stderr)
  assert.match(answer.stderr, /begins with new UEFI variables: its boot entries under firmware=uefi stay there/)
  const serial = await serialOf('foo')
  try {
    await serial.waitFor(guestPrompt)
    assert.match(await serial.command('dmesg | grep -i "secure boot"'), /Secure boot enabled/i)
    assert.match(await serial.command('dmesg | grep -i lockdown'), /locked down from EFI Secure Boot/i)
  } finally {
    serial.close()
    await ok('foo', 'stop')
  }
  assert.match((await nbsvm(['foo', 'firmware=secure', 'status'])).stdout, /^ *board .*UEFI, secure boot$/m)
})

test('a copy of its drive boots as it does, with a copy of its variables', async () => {
  await ok('copy', 'gold=foo', 'snapshot')
  assert.equal(recordOf('copy').firmware, 'uefi')
  const [mine, its] = ['copy', 'foo'].map((id) => fs.readFileSync(path.join(record(id), 'nvram-uefi.qcow2')))
  assert.ok(mine?.equals(its ?? Buffer.alloc(0)))
  await ok('copy', 'rm', '--yes')
})

test('a kernel that was changed does not boot under secure boot', async () => {
  const disk = path.join(home.folder, 'changed.img')
  const bytes = fs.readFileSync(path.resolve('build/guest/disk.img'))
  const kernel = fs.readFileSync(path.resolve('build/guest/vmlinuz'))
  const at = bytes.indexOf(kernel.subarray(0, 4096))
  assert.ok(at > 0)
  bytes.writeUInt8(bytes.readUInt8(at + 2048) ^ 1, at + 2048)
  fs.writeFileSync(disk, bytes)
  await ok('bad', 'firmware=secure', `source=${disk}`, 'snapshot', 'start')
  const serial = await serialOf('bad')
  try {
    await serial.waitFor(/bad shim signature|Verification failed|Security Violation/i)
    assert.doesNotMatch(serial.text, /guest ready/)
  } finally {
    serial.close()
    await ok('bad', 'stop', 'rm', '--yes')
  }
  assert.ok(!fs.existsSync(record('bad')))
})

/** TPM2_CreatePrimary of an elliptic curve key below the endorsement seed: the same command gives the same key in the same TPM. */
const createPrimary =
  '8002 0000003f 00000131 4000000b 00000009 40000009 0000 00 0000 0004 0000 0000 001a 0023 000b 00030072 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000'

test('tpm=yes: the guest has a TPM 2.0, which is the same after a restart, and another one in another VM', async () => {
  const hex = createPrimary.replaceAll(' ', '')
  const length = (hex.length / 2).toString(16).padStart(8, '0')
  const bytes = (hex.slice(0, 4) + length + hex.slice(12)).replaceAll(/../g, String.raw`\x$&`)
  const ask = async (serial: Serial): Promise<string> => {
    assert.match(await serial.command('cat /sys/class/tpm/tpm0/tpm_version_major'), /^2$/m)
    const line = `exec 3<>/dev/tpm0; printf '${bytes}' >&3; dd bs=4096 count=1 <&3 2>/dev/null | dd bs=1 skip=14 count=100 2>/dev/null | md5sum; exec 3>&-`
    return /^([0-9a-f]{32}) /m.exec(await serial.command(line))?.[1] ?? assert.fail('no key')
  }
  // A kernel that is started unpacked, by PVH, does not find the TPM.
  const packed = guestKernel.map((word) => word.replace(/vmlinux$/, 'vmlinuz'))
  const start = (id: string, ...settings: string[]) => [id, ...settings, 'start', ...packed]
  const key = await inGuest(start('box', 'tpm=yes'), async (serial) => {
    const status = JSON.parse((await nbsvm(['box', 'status', '--json'])).stdout) as {
      tpm: boolean
      helpers: { name: string; alive: boolean; pid: number }[]
    }
    const helper = status.helpers.find(({ name }) => name === 'swtpm')
    assert.deepEqual([status.tpm, helper?.alive], [true, true])
    if (isRoot) {
      const uid = fs.statSync(path.join(drawer('box'), 'run')).uid
      assert.notEqual(uid, 0)
      assert.equal(fs.statSync(`/proc/${helper?.pid}`).uid, uid)
      const state = path.join(record('box'), 'tpm')
      assert.equal(fs.statSync(state).uid, uid)
      for (const file of [state, ...fs.readdirSync(state).map((name) => path.join(state, name))])
        assert.equal(fs.statSync(file).mode & 0o077, 0, file)
    }
    return ask(serial)
  })
  await until('the end of swtpm', 5000, () => !fs.existsSync(path.join(drawer('box'), 'helpers')) || !swtpmRuns('box'))
  assert.equal(await inGuest(start('box'), ask), key)
  assert.notEqual(await inGuest(start('other', 'tpm=yes'), ask), key)
  await ok('box', 'rm', '--yes')
  assert.ok(!fs.existsSync(record('box')))
})

/** Whether somebody holds the lock of the VM's swtpm, in a list of all locks. */
function swtpmRuns(id: string): boolean {
  const file = path.join(drawer(id), 'helpers/swtpm.lock')
  if (!fs.existsSync(file)) return false
  return fs.readFileSync('/proc/locks', 'utf8').includes(`:${fs.statSync(file).ino} `)
}

test('class=windows: QEMU starts with secure boot, a TPM, a clock in local time, and devices that Windows has drivers for', async () => {
  await ok('win11', 'class=windows', 'drive_size=1G', 'newimg', 'start', '-S')
  const words = fs.readFileSync(
    `/proc/${fs.readFileSync(path.join(drawer('windows-win11'), 'pid'), 'utf8').trim()}/cmdline`,
    'utf8',
  )
  for (const word of ['smm=on', 'tpm-crb', 'base=localtime', '"ide-hd"', '"e1000e"']) assert.ok(words.includes(word), word)
  // A translated guest may have a little more: src/qemu/ram.ts.
  assert.match(words, /\0-m\0(?:4096M|4194312K)\0/)
  const { board } = /(?<board>board .*)/.exec((await nbsvm(['windows-win11'])).stdout)?.groups ?? {}
  assert.match(board ?? '', /UEFI, secure boot, TPM$/)
  await ok('windows-win11', 'stop', 'rm', '--yes')
})

test('what explain prints for UEFI and a TPM, pasted into a shell, is the VM', async () => {
  const { stdout } = await nbsvm(['pasted', 'drives=none', 'firmware=secure', 'tpm=yes', 'explain', '-S'])
  const shell = spawn('sh', ['-c', stdout], { env: home.env, stdio: 'ignore' })
  await until('the pasted VM', 20_000, async () => (await nbsvm(['pasted'])).status === 0)
  const { helpers } = JSON.parse((await nbsvm(['pasted', 'status', '--json'])).stdout) as {
    helpers: { name: string; alive: boolean }[]
  }
  assert.deepEqual(
    helpers.filter(({ name }) => name !== 'passt').map(({ name, alive }) => [name, alive]),
    [
      ['keeper', true],
      ['swtpm', true],
    ],
  )
  await ok('pasted', 'stop')
  if (shell.exitCode === null) await new Promise((resolve) => shell.once('exit', resolve))
  assert.ok(fs.existsSync(path.join(record('pasted'), 'nvram-secure.qcow2')))
})

test('a firmware or a TPM that this machine does not have is named, with what to type', async () => {
  const firmware = await nbsvm(['none', 'drives=none', 'firmware=uefi', 'machine=isapc', 'start'])
  assert.equal(firmware.status, 1)
  assert.match(
    firmware.stderr,
    /cannot start none: there is no UEFI firmware for x86_64 and the machine type isapc on this machine\n {2}install it: /,
  )
  const bin = path.join(home.folder, 'bin')
  fs.mkdirSync(bin)
  for (const program of ['sh', 'node', 'env', 'flock', 'setpriv', 'qemu-img', 'qemu-system-x86_64']) {
    fs.symlinkSync(execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(), path.join(bin, program))
  }
  const tpm = await nbsvm(['none', 'drives=none', 'tpm=yes', 'start'], { env: { PATH: bin } })
  assert.equal(tpm.status, 1)
  assert.match(
    tpm.stderr,
    /cannot start none with a TPM: there is no swtpm on this machine\n {2}install it: .*swtpm\n {2}without it: nbsvm none tpm=no start\n/,
  )
  assert.ok(!fs.existsSync(path.join(record('none'), 'tpm')))
})

test('a TPM that is killed is shown as dead; one of a start that was killed is ended by the next', async () => {
  await ok('lost', 'tpm=yes', 'start', '-S')
  const pid = Number(fs.readFileSync(path.join(drawer('lost'), 'helpers/swtpm.lock'), 'utf8'))
  process.kill(pid, 'SIGKILL')
  await until('its end', 5000, () => !fs.existsSync(`/proc/${pid}`))
  assert.match((await nbsvm(['lost'])).stdout, /^ *helper +swtpm {2}dead/m)
  await ok('lost', 'stop')
  await ok('lost', 'start', '-S')
  const qemu = Number(fs.readFileSync(path.join(drawer('lost'), 'pid'), 'utf8'))
  process.kill(qemu, 'SIGKILL')
  await until(
    'its end',
    5000,
    () => !fs.existsSync(`/proc/${qemu}`) || fs.readFileSync(`/proc/${qemu}/stat`, 'utf8').includes(') Z '),
  )
  await ok('lost', 'start', '-S')
  await ok('lost', 'stop', 'rm', '--yes')
})
