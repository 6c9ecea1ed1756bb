import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { drawerNow } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'
import { noteHeard } from './heard.js'
import { waitForText } from './waittext.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-waittext-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

test(
  'a guest that says more than can be looked at is not waited for any longer than was asked',
  { timeout: 60_000 },
  async () => {
    const drawer = drawerNow(folder, 'foo')
    fs.mkdirSync(drawer.folder)
    fs.writeFileSync(drawer.consoleLog, 'no, never\n'.repeat(4000))
    // As if this program had waited there before.
    noteHeard(drawer, undefined)
    const talker = setInterval(() => fs.appendFileSync(drawer.consoleLog, 'no, never\n'.repeat(4000)), 1)
    const vm = { id: 'foo', call: 'nbsvm foo', drawer } as unknown as Vm
    try {
      const waiting = waitForText(vm, { kind: 'text', text: 'yes' }, { timeoutMs: 300 }, {})
      await assert.rejects(waiting, /foo did not say "yes" and is gone|foo did not say "yes" within/)
    } finally {
      clearInterval(talker)
    }
  },
)
