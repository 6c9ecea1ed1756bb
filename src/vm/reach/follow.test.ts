import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { drawerNow } from '../record/drawer.js'
import { followConsole } from './follow.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-follow-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

test('a guest that never stops talking leaves the program its time, and can be left', { timeout: 60_000 }, async () => {
  const drawer = drawerNow(folder, 'foo')
  fs.mkdirSync(drawer.folder)
  // Without an end of a line, so that nobody who reads it is asked meanwhile.
  fs.writeFileSync(drawer.consoleLog, '')
  fs.truncateSync(drawer.consoleLog, 2 ** 32)
  const read = async (): Promise<void> => {
    for await (const line of followConsole({ drawer }, AbortSignal.timeout(200))) assert.equal(line, '')
  }
  await assert.rejects(read, { name: 'TimeoutError' })
})
