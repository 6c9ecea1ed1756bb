import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'

let home: string
let kept: string
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'nbsvm-compiled-'))
  kept = path.join(home, '.code')
  writeFileSync(path.join(home, 'a.cjs'), "exports.answer = () => require('./b.cjs').six * 7")
  writeFileSync(path.join(home, 'b.cjs'), 'exports.six = 6')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** A program of two files; tells its answer, and which of them V8 took as they were kept. */
function run(options: { folder?: string; status?: number } = {}): { answer: string; taken: string[] } {
  const { folder = kept, status = 0 } = options
  const script = `
    const vm = require('node:vm')
    const taken = []
    vm.Script = class extends vm.Script {
      constructor(code, options) {
        super(code, options)
        if (options.cachedData && !this.cachedDataRejected) taken.push(options.filename.slice(-5))
      }
    }
    import(${JSON.stringify(new URL('compiled.js', import.meta.url).href)}).then(({ keepCompiled }) => {
      keepCompiled(${JSON.stringify(folder)})
      const answer = require(${JSON.stringify(path.join(home, 'a.cjs'))}).answer()
      console.log(JSON.stringify({ answer: String(answer), taken }))
      process.exit(${status})
    })`
  const result = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  assert.equal(result.status, status, result.stderr)
  return JSON.parse(result.stdout) as { answer: string; taken: string[] }
}

test('the first run keeps what it compiled, for its owner alone, and the second takes it', () => {
  assert.deepEqual(run(), { answer: '42', taken: [] })
  assert.deepEqual(readdirSync(kept), ['a.cjs', 'b.cjs'])
  assert.equal(statSync(kept).mode & 0o777, 0o700)
  for (const file of readdirSync(kept)) assert.equal(statSync(path.join(kept, file)).mode & 0o777, 0o600)
  assert.deepEqual(run(), { answer: '42', taken: ['a.cjs', 'b.cjs'] })
})

test('a file that was replaced by one of the same length is compiled anew, and kept so', () => {
  run()
  writeFileSync(path.join(home, 'b.cjs'), 'exports.six = 7')
  assert.deepEqual(run(), { answer: '49', taken: ['a.cjs'] })
  assert.deepEqual(run(), { answer: '49', taken: ['a.cjs', 'b.cjs'] })
})

test('what others could have written is not taken', () => {
  run()
  chmodSync(path.join(kept, 'b.cjs'), 0o666)
  assert.deepEqual(run(), { answer: '42', taken: ['a.cjs'] })
})

test('what is cut off is compiled', () => {
  run()
  for (const length of [0, 100, 256, 400]) {
    truncateSync(path.join(kept, 'b.cjs'), length)
    assert.deepEqual(run({ status: 1 }), { answer: '42', taken: ['a.cjs'] }, `${length} bytes`)
  }
})

test('nothing is written where nbsvm keeps nothing, and by no run that fails', () => {
  run({ folder: path.join(home, 'absent', '.code') })
  assert.equal(existsSync(path.join(home, 'absent')), false)
  run({ status: 1 })
  assert.equal(existsSync(kept), false)
})

test('a folder that cannot be written or is none is no error', () => {
  writeFileSync(kept, 'a file')
  assert.deepEqual(run(), { answer: '42', taken: [] })
  assert.equal(readFileSync(kept, 'utf8'), 'a file')
})
