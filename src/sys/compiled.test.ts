import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'

/** Node 20 cannot: there everything is as in a folder that is not used. */
const canKeep = 'enableCompileCache' in module

let home: string
let kept: string
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'nbsvm-compiled-'))
  kept = path.join(home, 'state/.compiled')
  mkdirSync(path.dirname(kept))
  writeFileSync(path.join(home, 'program.cjs'), `function six() { return ${'0 + '.repeat(1000)}6 }\nconsole.log(six() * 7)`)
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** Runs a program with this folder; it ends as nbsvm does. */
function run(folder = kept): void {
  const script = `import(${JSON.stringify(new URL('compiled.js', import.meta.url).href)}).then(({ loadCompiled }) => {
    process.umask(0o022)
    loadCompiled(${JSON.stringify(path.join(home, 'program.cjs'))}, ${JSON.stringify(folder)})
    process.exit(0)
  })`
  const { NODE_COMPILE_CACHE: _, NODE_DISABLE_COMPILE_CACHE: __, ...env } = process.env
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env })
  assert.deepEqual({ stdout, status }, { stdout: '42\n', status: 0 }, stderr)
}

/** What is kept, if anything. */
function files(folder = kept): string[] {
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

test('what is compiled is kept for its owner alone, where Node.js can, and kept once', () => {
  run()
  const first = files()
  assert.equal(first.length > 0, canKeep)
  if (canKeep) assert.equal(statSync(kept).mode & 0o777, 0o700)
  run()
  assert.deepEqual(files(), first)
})

test('a folder that others can write, or that is a link, is not used', () => {
  mkdirSync(kept)
  chmodSync(kept, 0o777)
  run()
  assert.deepEqual(files(), [])
  rmSync(kept, { recursive: true })
  const elsewhere = path.join(home, 'elsewhere')
  mkdirSync(elsewhere, { mode: 0o700 })
  symlinkSync(elsewhere, kept)
  run()
  assert.deepEqual(files(elsewhere), [])
})

test('nothing is made where nbsvm keeps nothing yet', () => {
  run(path.join(home, 'absent/.compiled'))
  assert.ok(!existsSync(path.join(home, 'absent')))
})
