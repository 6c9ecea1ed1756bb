import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { findProgram } from './file.js'
import { hasOpen, run, runSync, startDetached, type Detached } from './process.js'

const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-process-'))
after(() => rmSync(folder, { recursive: true }))
const module = JSON.stringify(new URL('process.js', import.meta.url).href)

/** Runs JavaScript that knows `process.ts` as `it` in a Node.js of its own. */
const node = (code: string): string[] => ['--input-type=module', '--eval', `import * as it from ${module}; ${code}`]

const exists = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isTrue(); tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(isTrue())
}

/** A shell script that was started detached, and what it wrote. */
function detached(script: string): Detached & { readonly output: () => string } {
  const file = mkdtempSync(path.join(folder, 'run-'))
  const output = openSync(path.join(file, 'output'), 'w')
  const started = startDetached(['sh', '-c', script], { cwd: file, output, pass: [], env: { GIVEN: 'yes' } })
  closeSync(output)
  return { ...started, output: () => readFileSync(path.join(file, 'output'), 'utf8') }
}

async function endOf({ ended }: Detached): Promise<number> {
  // Node does not wait for a detached program.
  const waiting = setInterval(() => {}, 1000)
  return ended.finally(() => clearInterval(waiting))
}

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
  assert.equal(await endOf(startDetached(command, { cwd: folder, output, pass: [], env: {} })), 0)
  closeSync(output)
  assert.equal(findProgram('no-such-program'), undefined)
})

test('what outlives nbsvm has no descriptor of its caller', () => {
  const held = path.join(folder, 'held')
  const fd = openSync(held, 'w')
  const code = `
    const started = it.startDetached(['sh', '-c', 'ls -l /proc/$$/fd'], { cwd: '/', output: 1, pass: [], env: {} })
    const waiting = setInterval(() => {}, 1000)
    console.error(await started.ended)
    clearInterval(waiting)`
  for (const number of [3, 9, 20, 63]) {
    const before = Array.from({ length: number - 3 }, () => 'ignore' as const)
    const { stdout, stderr } = spawnSync(process.execPath, node(code), {
      stdio: ['ignore', 'pipe', 'pipe', ...before, fd],
      encoding: 'utf8',
    })
    assert.equal(stderr, '0\n')
    assert.match(stdout, / 1 -> \w+:/)
    assert.ok(!stdout.includes(held), stdout)
  }
  closeSync(fd)
})

test("what outlives nbsvm has no variable of its caller's, a session of its own, and makes what is for its owner alone", async (t) => {
  process.env['NBSVM_TEST_SECRET'] = 'x'
  const umask = process.umask(0o022)
  t.after(() => {
    delete process.env['NBSVM_TEST_SECRET']
    process.umask(umask)
  })
  const started = detached('env; umask; cut -d" " -f6 /proc/$$/stat')
  assert.equal(process.umask(), 0o022)
  assert.equal(await endOf(started), 0)
  const lines = started.output().trim().split('\n')
  // A shell's own are not its caller's.
  const variables = lines.slice(0, -2).filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line))
  assert.deepEqual(new Set(variables.map((line) => line.split('=')[0])), new Set(['GIVEN', 'PATH']))
  assert.deepEqual(lines.slice(-2), ['0077', String(started.pid)])
})

test('what is killed ends with all that it has started', async () => {
  const started = detached('sleep 60 & echo $!; wait')
  await until(() => started.output().endsWith('\n'))
  const child = Number(started.output())
  assert.ok(exists(child))
  started.kill()
  assert.equal(await endOf(started), 128 + 9)
  await until(() => !exists(child))
})

test('what nbsvm waits for ends with it, also by kill -9', async () => {
  const file = path.join(folder, 'tied')
  const code = `await it.run(it.tied(['sh', '-c', 'echo $$ >${file}; exec sleep 60']))`
  const child = spawn(process.execPath, node(code), { stdio: 'inherit' })
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))
  const pid = Number(readFileSync(file, 'utf8'))
  assert.ok(exists(pid))
  child.kill('SIGKILL')
  await until(() => !exists(pid))
})

test('what begins only when nbsvm has ended already does nothing', async () => {
  const file = path.join(folder, 'orphan')
  // The parent of what it runs is a shell, which a kill in between would make it as well.
  const code = `await it.run(['sh', '-c', '"$@"; true', 'sh', ...it.tied(['touch', '${file}'])])`
  assert.equal(spawnSync(process.execPath, node(code)).status, 0)
  assert.equal(existsSync(file), false)
})

test('a process is known by the very file that it has open', () => {
  const file = path.join(folder, 'open')
  const fd = openSync(file, 'w')
  const { dev, ino } = fstatSync(fd)
  assert.equal(hasOpen(process.pid, { dev, ino }), true)
  assert.equal(hasOpen(process.pid, { dev: dev + 1, ino }), false)
  assert.equal(hasOpen(process.ppid, { dev, ino }), false)
  closeSync(fd)
  assert.equal(hasOpen(process.pid, statSync(file)), false)
})

test('a program that never stops talking is ended, and told', async () => {
  await assert.rejects(run(['yes']), /yes says more than 64M, and was ended/)
})
