import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { findProgram } from './file.js'
import { run, runSync, startDetached } from './process.js'

test("the system's own programs are found and run where PATH has no sbin", async (t) => {
  const saved = process.env['PATH']
  const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-path-'))
  t.after(() => {
    process.env['PATH'] = saved
    rmdirSync(folder)
  })
  process.env['PATH'] = folder
  // Every Linux with glibc has it in an sbin.
  const command = ['ldconfig', '--version']
  assert.match(findProgram('ldconfig') ?? '', /\/sbin\/ldconfig$/)
  assert.match((await run(command)).stdout, /^ldconfig /)
  assert.equal(runSync(command), 0)
  const output = openSync('/dev/null', 'w')
  // Node does not wait for a detached program.
  const waiting = setInterval(() => {}, 1000)
  assert.equal(await startDetached(command, { cwd: folder, output, pass: [], env: {} }).ended, 0)
  clearInterval(waiting)
  closeSync(output)
  assert.equal(findProgram('no-such-program'), undefined)
})
