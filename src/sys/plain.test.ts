import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { readPlain, readPlainBytes } from './plain.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-plain-'))
const at = (name: string): string => path.join(folder, name)

after(() => fs.rmSync(folder, { recursive: true }))

test('a file that others may have laid there is read as it is', () => {
  fs.writeFileSync(at('bytes'), Buffer.from([0xff, 0x00]))
  assert.deepEqual([...(readPlainBytes(at('bytes'), 2)?.bytes ?? [])], [0xff, 0x00])
  assert.equal(readPlainBytes(at('bytes'), 2)?.stats.uid, process.getuid?.())
  assert.equal(readPlain(at('none'), 2), undefined)
})

test('no link is followed, no pipe waited for, and nothing large or strange is read', () => {
  fs.writeFileSync(at('large'), 'large')
  fs.symlinkSync(at('large'), at('link'))
  execFileSync('mkfifo', [at('pipe')])
  for (const name of ['large', 'link', 'pipe', '.']) assert.throws(() => readPlainBytes(at(name), 4), Error, name)
})
