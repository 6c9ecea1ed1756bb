// Debian's package as a file; on a Debian it is tried in test/whole/bare.test.ts.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

const skip = spawnSync('dpkg-deb', ['--version']).status === 0 ? false : 'dpkg-deb is not installed'

test("Debian's package is the same, byte for byte, when it is made again, and all in it is root's", { skip }, (context) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-deb-'))
  context.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000', TZ: 'UTC' }
  const make = (name: string): string =>
    execFileSync(path.resolve('scripts/deb'), [path.join(folder, name)], { env, encoding: 'utf8' }).trim()
  const deb = make('one')
  assert.ok(fs.readFileSync(deb).equals(fs.readFileSync(make('another'))))
  const lines = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8', env }).trim().split('\n')
  assert.ok(lines.length > 100, `${lines.length} files`)
  assert.deepEqual(
    lines.filter((line) => !line.includes(' root/root ') || !line.includes(' 2023-11-14 22:13 ')),
    [],
  )
})
