import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
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
  kept = path.join(home, '.compiled')
  writeModule('a.cjs', "const b = require('./b.cjs')\nconsole.log(b.six() * 7)")
  writeModule('b.cjs', 'exports.six = function six() { return 6 }')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** A file as the build makes it. */
function writeModule(name: string, code: string): void {
  writeFileSync(path.join(home, name), `(function (exports, require, module) {\n${code}\n})`)
}

/** Runs a program of two files; tells its answer, and which of them V8 took as they were kept. */
function run(options: { folder?: string; status?: number; node?: readonly string[] } = {}) {
  const { folder = kept, status = 0, node = [] } = options
  const script = `
    const vm = require('node:vm')
    const taken = []
    vm.Script = class extends vm.Script {
      constructor(code, options) {
        super(code, options)
        if (options.cachedData && !this.cachedDataRejected) taken.push(options.filename.slice(-5))
      }
    }
    import(${JSON.stringify(new URL('compiled.js', import.meta.url).href)}).then(({ loadCompiled }) => {
      loadCompiled(${JSON.stringify(path.join(home, 'a.cjs'))}, ${JSON.stringify(folder)})
      console.log(taken.join(' '))
      process.exit(${status})
    })`
  const result = spawnSync(process.execPath, [...node, '-e', script], { encoding: 'utf8' })
  assert.equal(result.status, status, result.stderr)
  const [answer, taken] = result.stdout.split('\n')
  return { answer, taken }
}

test('the first run keeps what it compiled, for its owner alone, and the second takes it', () => {
  assert.deepEqual(run(), { answer: '42', taken: '' })
  assert.deepEqual(readdirSync(kept), ['a.cjs', 'b.cjs'])
  assert.equal(statSync(kept).mode & 0o777, 0o700)
  for (const file of readdirSync(kept)) assert.equal(statSync(path.join(kept, file)).mode & 0o777, 0o600)
  assert.deepEqual(run(), { answer: '42', taken: 'a.cjs b.cjs' })
})

test('every function is kept, also one that was not called', () => {
  writeModule('b.cjs', `exports.six = () => 6\nexports.never = () => {${'console.log(1);'.repeat(5000)}}`)
  run()
  assert.ok(statSync(path.join(kept, 'b.cjs')).size > 50_000)
})

test('an error tells the file and the line', () => {
  writeModule('b.cjs', "exports.six = () => {\n  throw new Error('here')\n}")
  writeModule('a.cjs', "try { require('./b.cjs').six() } catch (error) { console.log(error.stack.split('\\n')[1]) }")
  for (const taken of ['', 'a.cjs b.cjs']) {
    const result = run()
    assert.match(result.answer ?? '', new RegExp(`at \\S+ \\(${path.join(home, 'b.cjs')}:3:9\\)`))
    assert.equal(result.taken, taken)
  }
})

test('a file that was replaced by one of the same length is compiled anew, and kept so', () => {
  run()
  writeModule('b.cjs', 'exports.six = function six() { return 7 }')
  assert.deepEqual(run(), { answer: '49', taken: 'a.cjs' })
  assert.deepEqual(run(), { answer: '49', taken: 'a.cjs b.cjs' })
})

test('what another V8 has compiled, or one with other options, is not taken', () => {
  run()
  assert.deepEqual(run({ node: ['--no-use-ic'], status: 1 }), { answer: '42', taken: '' })
})

test('what others could have written is not taken', () => {
  run()
  chmodSync(path.join(kept, 'b.cjs'), 0o666)
  assert.deepEqual(run(), { answer: '42', taken: 'a.cjs' })
})

test('what is cut off is compiled', () => {
  run()
  for (const length of [0, 100, 512, 600]) {
    truncateSync(path.join(kept, 'b.cjs'), length)
    assert.deepEqual(run({ status: 1 }), { answer: '42', taken: 'a.cjs' }, `${length} bytes`)
  }
})

test('nothing is written where nbsvm keeps nothing, and by no run that fails', () => {
  run({ folder: path.join(home, 'absent', '.compiled') })
  assert.equal(existsSync(path.join(home, 'absent')), false)
  run({ status: 1 })
  assert.equal(existsSync(kept), false)
})

test('a folder that cannot be written or is none is no error', () => {
  writeFileSync(kept, 'a file')
  assert.deepEqual(run(), { answer: '42', taken: '' })
  assert.equal(readFileSync(kept, 'utf8'), 'a file')
  rmSync(kept)
  mkdirSync(kept, { mode: 0o500 })
  assert.equal(run().answer, '42')
})
