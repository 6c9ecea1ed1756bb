// The console's log, written by a real QEMU, cut while it writes.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readLog, trimLog } from '../src/console/log.js'
import { takenBytes, trimHead } from '../src/sys/trim.js'
import { bootGuest, until, type Guest } from './fixture/guest.js'

const line = 'flooding the serial port, 64 characters a line, over and over ...'
const keptBytes = 128 * 1024
/** What the file system's blocks and the guest's haste add. */
const slackBytes = 256 * 1024

/** Every line but the last is whole: nothing was lost or mixed up where the log was cut. */
function assertWhole(log: string): void {
  const lines = log.split('\r\n').slice(0, -1)
  assert.ok(lines.length > 0)
  assert.deepEqual(
    lines.filter((one) => one !== line),
    [],
  )
}

describe('the log of a guest that floods its console', () => {
  let guest: Guest
  before(async () => {
    guest = await bootGuest(line, { floods: true })
  })
  after(() => guest.kill())

  const grow = (): Promise<void> => {
    const size = fs.statSync(guest.log).size
    return until('the log is too large', () => fs.statSync(guest.log).size > size + 3 * keptBytes, 60_000)
  }

  it('is cut again and again while QEMU goes on writing, without a gap', async () => {
    for (let round = 0; round < 3; round++) {
      await grow()
      trimLog(guest.log, keptBytes)
      const taken = takenBytes(guest.log)
      assert.ok(taken >= keptBytes && taken < keptBytes + slackBytes, `${taken} bytes`)
      await sleep(300)
      assertWhole(readLog(guest.log, keptBytes))
    }
  })

  it('is cut by one of many at a time', async () => {
    await grow()
    const script = `import { trimLog } from ${JSON.stringify(path.resolve('build/js/src/console/log.js'))}; trimLog(${JSON.stringify(guest.log)}, ${keptBytes})`
    const ends = Array.from({ length: 8 }, () => {
      const child = spawn('node', ['--input-type=module', '-e', script], { stdio: 'inherit' })
      return new Promise((resolve) => child.once('exit', resolve))
    })
    assert.deepEqual(await Promise.all(ends), [0, 0, 0, 0, 0, 0, 0, 0])
    assert.ok(takenBytes(guest.log) >= keptBytes)
    assertWhole(readLog(guest.log, keptBytes))
  })
})

describe('trimHead', () => {
  const text = Array.from({ length: 40_000 }, (_, index) => `line ${index}\n`).join('')
  const kept = 100_000

  function trimmed(folder: string, env: Record<string, string> = {}): { taken: number; log: string } {
    const file = path.join(fs.mkdtempSync(path.join(folder, 'nbsvm-trim-')), 'log')
    const saved = { ...process.env }
    try {
      fs.writeFileSync(file, text)
      // A writer that goes on, as QEMU would.
      const fd = fs.openSync(file, 'a')
      Object.assign(process.env, env)
      trimHead(file, kept)
      fs.writeSync(fd, 'and on\n')
      fs.closeSync(fd)
      return { taken: takenBytes(file), log: readLog(file, kept) }
    } finally {
      process.env = saved
      fs.rmSync(path.dirname(file), { recursive: true })
    }
  }

  function assertTail({ taken, log }: { taken: number; log: string }): void {
    assert.ok(taken < kept + 2 * 65_536, `${taken} bytes`)
    assert.ok(log.length > kept - 20 && `${text}and on\n`.endsWith(log))
  }

  it('removes the head, or makes a hole of it, on the file system of /tmp', () => assertTail(trimmed('/tmp')))

  it('makes a hole on tmpfs', { skip: fs.existsSync('/dev/shm') ? false : 'no /dev/shm' }, () => assertTail(trimmed('/dev/shm')))

  it('rewrites the tail without fallocate', () => {
    const folder = fs.mkdtempSync('/tmp/nbsvm-path-')
    // Only flock is found.
    fs.symlinkSync('/usr/bin/flock', path.join(folder, 'flock'))
    try {
      assertTail(trimmed('/tmp', { PATH: folder }))
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it('leaves a small log, and one that is not there, alone', () => {
    const folder = fs.mkdtempSync('/tmp/nbsvm-trim-')
    const file = path.join(folder, 'log')
    trimLog(file, 10)
    assert.equal(readLog(file, 10), '')
    assert.ok(!fs.existsSync(file))
    fs.writeFileSync(file, 'x'.repeat(20))
    trimLog(file, 10)
    assert.equal(fs.statSync(file).size, 20)
    fs.rmSync(folder, { recursive: true })
  })
})
