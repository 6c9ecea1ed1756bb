import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** Runs a line of code in a process of its own and returns what it wrote. */
function written(code: string): { stdout: string; stderr: string } {
  const here = (name: string): string => JSON.stringify(import.meta.resolve(name))
  const script = `import { voice } from ${here('./voice.js')}; import { printError } from ${here('./report.js')};
    import { Failure } from ${here('../core/errors.js')}; const evil = 'a\\u001B]52;c;aGk=\\u0007\\u009B6n\\rb'; ${code}`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  return { stdout, stderr }
}

test('results and notes are written without what a terminal would obey, whoever wrote the text', () => {
  const { stdout, stderr } = written('const { out, note } = voice("foo"); out(evil); note(evil + "\\nnext")')
  assert.deepEqual([stdout, stderr], ['foo: a?]52;c;aGk=??6n?b\n', 'foo: a?]52;c;aGk=??6n?b\nfoo: next\n'])
})

test('so are errors, their causes and their hints, and a word of a megabyte makes no message of one', () => {
  const { stderr } = written('printError(new Failure(evil, { cause: new Error(evil), hints: ["kill " + evil] }))')
  assert.equal(stderr, 'nbsvm: a?]52;c;aGk=??6n?b: a?]52;c;aGk=??6n?b\n  kill a?]52;c;aGk=??6n?b\n')
  assert.ok(written('printError(new Failure("x".repeat(1e6)))').stderr.length < 20_000)
})

test('what a guest said goes out as it is, where it is asked for as that', () => {
  assert.equal(written('voice(undefined).outRaw(evil)').stdout, 'a\u001B]52;c;aGk=\u0007\u009B6n\rb\n')
})

test('what is said while progress is drawn stands on a line of its own', () => {
  const script = `import { voice } from ${JSON.stringify(import.meta.resolve('./voice.js'))}
    const { note, progress } = voice(undefined); progress("half"); note("trying again")`
  const line = `TERM=xterm '${process.execPath}' --input-type=module -e '${script}'`
  const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8', input: '' })
  assert.equal(stdout, '\r\u001B[Khalf\r\u001B[Ktrying again\r\n')
})
