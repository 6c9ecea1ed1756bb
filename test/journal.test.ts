// What QEMU really writes into the journal, without any client: the ground that `status` stands on.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { journalLine, lastState, parseJournal, whyEnded, type Journal } from '../src/qemu/journal.js'
import { withQmp, type Qmp } from '../src/qemu/qmp.js'

const bootId = 'this-boot'

interface Guest {
  readonly ended: Promise<unknown>
  kill(signal: NodeJS.Signals): void
  journal(): Journal
  /** Waits until the journal holds an event of that name. */
  recorded(name: string): Promise<void>
  qmp<T>(action: (qmp: Qmp) => Promise<T>): Promise<T>
}

/** A boot sector: what `code` does, then halts. */
function bootSector(code: readonly number[]): Buffer {
  const sector = Buffer.alloc(512)
  sector.set([...code, 0xf4, 0xeb, 0xfd]) // hlt; jmp to it
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

function startGuest(context: TestContext, options: readonly string[] = [], code: readonly number[] = []): Guest {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-journal-'))
  const events = path.join(folder, 'events.jsonl')
  fs.writeFileSync(path.join(folder, 'boot.raw'), bootSector(code))
  const ours = journalLine({ nbsvm: 'started', at: Date.now(), bootId })
  fs.writeFileSync(events, '')
  const machine = ['-nodefaults', '-no-user-config', '-display', 'none', '-m', '16', '-accel', 'tcg']
  const journal = ['-chardev', 'null,id=ev,logfile=events.jsonl,logappend=on', '-mon', 'chardev=ev,mode=control']
  const rest = ['-qmp', 'unix:q.sock,server=on,wait=off', '-drive', 'file=boot.raw,format=raw,if=ide', ...options]
  const qemu = spawn('qemu-system-x86_64', [...machine, ...journal, ...rest], { cwd: folder, stdio: 'ignore' })
  const ended = new Promise((resolve) => {
    qemu.on('exit', resolve)
  })
  const tooLong = setTimeout(() => qemu.kill('SIGKILL'), 20_000)
  context.after(async () => {
    clearTimeout(tooLong)
    qemu.kill('SIGKILL')
    await ended
    fs.rmSync(folder, { recursive: true })
  })
  const read = (): Journal => parseJournal({ ours, events: fs.readFileSync(events, 'utf8') })
  return {
    ended,
    kill: (signal) => qemu.kill(signal),
    journal: read,
    recorded: async (name) => {
      const deadline = Date.now() + 20_000
      while (!read().events.some((event) => event.name === name)) {
        assert.ok(Date.now() < deadline, `${name} did not come: ${fs.readFileSync(events, 'utf8')}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    qmp: (action) => withQmp(path.join(folder, 'q.sock'), { timeoutMs: 20_000, ended }, action),
  }
}

const names = (journal: Journal): string[] => journal.events.map(({ name }) => name)

test('pause, resume, reset, the power button and quit are recorded, and nothing else', async (context) => {
  const guest = startGuest(context, ['-S'])
  await guest.qmp(async (qmp) => {
    await qmp.execute('cont')
    await qmp.execute('stop')
    assert.deepEqual([lastState(guest.journal()).state, lastState(guest.journal()).detail], ['paused', 'paused'])
    await qmp.execute('cont')
    assert.equal(lastState(guest.journal()).state, 'running')
    await qmp.execute('system_reset')
    await guest.recorded('RESET')
    await qmp.execute('system_powerdown')
    await guest.recorded('POWERDOWN')
    await qmp.execute('quit')
    await qmp.closed
  })
  await guest.ended
  const journal = guest.journal()
  assert.deepEqual(
    names(journal).filter((name) => name !== 'RESET'),
    ['RESUME', 'STOP', 'RESUME', 'POWERDOWN', 'SHUTDOWN'],
  )
  const reset = journal.events.find(({ name }) => name === 'RESET')
  assert.equal(reset?.data['reason'], 'host-qmp-system-reset')
  assert.equal(whyEnded(journal, { bootId }).kind, 'quit')
  assert.ok(Math.abs((whyEnded(journal, { bootId }).atMs ?? 0) - Date.now()) < 30_000)
})

// mov dx, 0x505; mov al, 1; out dx, al: what the pvpanic driver of Linux does when the kernel panics.
const panic = [0xba, 0x05, 0x05, 0xb0, 0x01, 0xee]

test('a guest that panics ends, and the journal says so', async (context) => {
  const guest = startGuest(context, ['-device', 'pvpanic'], panic)
  await guest.ended
  assert.deepEqual(names(guest.journal()), ['RESUME', 'GUEST_PANICKED', 'SHUTDOWN'])
  assert.equal(whyEnded(guest.journal(), { bootId }).kind, 'guest-panicked')
})

test('a guest that panics and is kept is known as panicked', async (context) => {
  const guest = startGuest(context, ['-device', 'pvpanic', '-action', 'panic=pause'], panic)
  await guest.recorded('STOP')
  const { detail } = lastState(guest.journal())
  assert.equal(detail, 'guest-panicked')
  assert.equal((await guest.qmp((qmp) => qmp.execute('query-status'))).status, detail)
})

test('a guest that powers off by ACPI has shut down', async (context) => {
  // SeaBIOS puts the power management registers at 0x600; SLP_EN with sleep type 0 in PM1a_CNT is S5, soft off.
  const powerOff = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef] // mov dx, 0x604; mov ax, 0x2000; out dx, ax
  const guest = startGuest(context, [], powerOff)
  await guest.ended
  assert.equal(whyEnded(guest.journal(), { bootId }).kind, 'guest-shutdown')
})

test('SIGTERM leaves its reason, SIGKILL leaves none', async (context) => {
  const ended = startGuest(context)
  await ended.recorded('RESUME')
  // QEMU listens to signals a moment later, and answers when it does.
  await ended.qmp(async (qmp) => {
    await qmp.execute('query-status')
  })
  ended.kill('SIGTERM')
  await ended.ended
  assert.equal(whyEnded(ended.journal(), { bootId }).kind, 'signalled')

  const killed = startGuest(context)
  await killed.recorded('RESUME')
  killed.kill('SIGKILL')
  await killed.ended
  assert.equal(whyEnded(killed.journal(), { bootId }).kind, 'killed')
  assert.equal(whyEnded(killed.journal(), { bootId: 'the-next-boot' }).kind, 'host-rebooted')
})
