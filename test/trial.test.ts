// The KVM trial against QEMU itself: the guest is proved under TCG, which needs no KVM; what KVM says here is only printed.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { judge, runTrial, tryKvm } from '../src/host/trial.js'
import { success, trialFirmware } from '../src/host/trialguest.js'

const program = 'qemu-system-x86_64'
const nobody = 65_534
const around = { device: '/dev/kvm', mode: undefined, group: undefined, module: undefined } as const

let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-test-trial-'))
})
after(() => fs.rmSync(folder, { recursive: true }))

/** The trial's firmware with other bytes in one place. */
function patched(place: number, bytes: readonly number[]): Buffer {
  const firmware = trialFirmware()
  firmware.set(bytes, place)
  return firmware
}

/** A program in QEMU's place, or around it. */
function script(name: string, text: string): string {
  const file = path.join(folder, name)
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return file
}

const leftovers = (): string[] => fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith(`nbsvm-trial-${process.pid}-`))

test('the guest gets into 64-bit code, through each mode in order, and says so', async () => {
  const result = await runTrial({ program, accelerator: 'tcg', timeoutMs: 20_000 })
  assert.deepEqual({ status: result.status, marks: result.marks }, { status: success, marks: 'rpl' })
  assert.equal(judge(result, around).works, true)
  assert.deepEqual(leftovers(), [])
})

test('a CPU without long mode does not pass', async () => {
  const old = script(
    'qemu-32',
    `for word do shift; [ "$word" = max ] && word=qemu32; set -- "$@" "$word"; done; exec ${program} "$@"`,
  )
  const result = await runTrial({ program: old, accelerator: 'tcg', timeoutMs: 3000 })
  assert.deepEqual({ status: result.status, marks: result.marks }, { status: 0, marks: 'rp' }, result.stderr)
  assert.equal(judge(result, around).works, false)
})

test('a guest that hangs is killed in time, and it is told where it hung', async () => {
  const spin = [0xeb, 0xfe]
  for (const [place, marks, words] of [
    [0x0005, 'r', /hung with it before protected mode/],
    [0x0028, 'rp', /hung with it on the way into 64-bit mode/],
    [0x0087, 'rpl', /far too slowly/],
  ] as const) {
    const since = Date.now()
    const result = await runTrial({ program, accelerator: 'tcg', timeoutMs: 1500, firmware: patched(place, spin) })
    assert.ok(Date.now() - since < 5000)
    assert.deepEqual({ status: result.status, marks: result.marks }, { status: 137, marks })
    const verdict = judge(result, around)
    assert.match(verdict.why, words)
    assert.equal(verdict.works, false)
  }
  assert.deepEqual(leftovers(), [])
})

test('a guest that crashes ends the trial at once', async () => {
  // Without descriptors the jump into protected mode is a triple fault.
  const firmware = patched(0x00bd, [0, 0])
  const result = await runTrial({ program, accelerator: 'tcg', timeoutMs: 20_000, firmware })
  assert.deepEqual({ status: result.status, marks: result.marks }, { status: 0, marks: 'r' })
  assert.match(judge(result, around).why, /a trial guest crashed with it/)
})

test('the CPU that does the work wrongly does not pass', async () => {
  // Another number in memory than the one that is compared with.
  const result = await runTrial({ program, accelerator: 'tcg', timeoutMs: 1500, firmware: patched(0x00a7, [0x45]) })
  assert.deepEqual({ status: result.status, marks: result.marks }, { status: 137, marks: 'rpl' })
})

test('a QEMU without KVM, one that hangs, and a device that is missing or closed are told apart', async () => {
  const without = script('qemu-without', 'echo "qemu-system-x86_64: -accel kvm: invalid accelerator kvm" >&2; exit 1')
  const device = path.join(folder, 'kvm')
  fs.writeFileSync(device, '')
  assert.deepEqual(await tryKvm(without, undefined, { device }), { works: false, why: 'this QEMU is built without KVM' })

  const since = Date.now()
  const hanging = await tryKvm(script('qemu-hanging', 'exec sleep 60'), undefined, { device })
  assert.deepEqual(hanging, { works: false, why: 'a trial guest did not begin', isDoubtful: true })
  assert.ok(Date.now() - since < 3000)

  assert.match((await tryKvm(program, undefined, { device: path.join(folder, 'none') })).why, /^there is no \S+\/none/)
})

test('a device that is closed to the user is told with what opens it', async () => {
  const isRoot = process.getuid?.() === 0
  const device = path.join(folder, 'closed')
  fs.writeFileSync(device, '', { mode: 0o000 })
  fs.chmodSync(folder, 0o755)
  // It is opened before the call returns; root itself finds nothing closed.
  if (isRoot) process.seteuid?.(nobody)
  const verdict = tryKvm(program, undefined, { device })
  if (isRoot) process.seteuid?.(0)
  assert.match((await verdict).why, /is closed to you: .*usermod -aG kvm/)

  const mode = fs.statSync('/dev/kvm', { throwIfNoEntry: false })?.mode
  if (!isRoot || mode === undefined || (mode & 0o006) !== 0) return
  // QEMU itself is refused here.
  const other = { user: 'nobody', prefix: ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] }
  assert.equal(
    (await tryKvm(program, other)).why,
    '/dev/kvm is closed to nobody, whom QEMU runs as: sudo chgrp kvm /dev/kvm && sudo chmod g+rw /dev/kvm',
  )
})

test(
  'the trial runs as another user too, where root drops its rights',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async () => {
    const prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const result = await runTrial({ program, accelerator: 'tcg', timeoutMs: 20_000, prefix })
    assert.equal(result.status, success, result.stderr)
  },
)

test('KVM of this machine gets a verdict within a second or so', async (context) => {
  const since = Date.now()
  const verdict = await tryKvm(program)
  context.diagnostic(`KVM here: ${JSON.stringify(verdict)} after ${Date.now() - since} ms`)
  assert.ok(Date.now() - since < 3000)
  assert.ok(verdict.why.length > 10)
})

test('no room for temporary files: KVM is not tried, which is said and not believed for long, and nothing fails', async () => {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = path.join(folder, 'none')
  try {
    // A device that can be opened, so that the trial begins.
    const verdict = await tryKvm(program, undefined, { device: '/dev/null' })
    assert.deepEqual([verdict.works, verdict.isDoubtful], [false, true])
    assert.match(verdict.why, /it could not be tried: ENOENT/)
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
})
