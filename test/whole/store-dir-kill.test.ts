// kill -9 at random moments of everything that changes a `dir` store: the source stays as it was, what has a name is whole,
// and the next command works and sweeps.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, it } from 'node:test'
import type { Image } from '../../src/model/drive.js'
import {
  bases,
  check,
  digest,
  findGold,
  leftovers,
  remains,
  makePlace,
  mib,
  noneLive,
  processesOn,
  sh,
  writePattern,
} from '../support/drives.js'
import { isWhole } from '../support/whole.js'

const roundsEach = isWhole ? 5 : 1
const place = makePlace()
const { store, folder, outside } = place
const seed = path.join(outside, 'seed.raw')
const vdi = path.join(outside, 'seed.vdi')
let seedDigest = ''

before(async () => {
  const gold = await store.create('gold', 24 * mib)
  sh('dd', 'if=/dev/urandom', `of=${seed}`, 'bs=1M', 'count=12', 'status=none')
  sh('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'qcow2', seed, gold.image.path)
  sh('qemu-img', 'convert', '-f', 'raw', '-O', 'vdi', seed, vdi)
  seedDigest = digest({ image: { format: 'raw', path: seed, kind: 'file' } })
})
after(() => place.remove())

/** What is killed: code for a child that has a `store`, and the time within which it is killed once it is loaded. */
const commands: Record<string, { code: string; withinMs: number }> = {
  create: { code: `await store.create('victim', ${24 * mib})`, withinMs: 60 },
  snapshot: { code: `await store.snapshot('victim', await find({ gold: 'gold' }), how)`, withinMs: 60 },
  clone: { code: `await store.clone('victim', await find({ gold: 'gold' }), how)`, withinMs: 150 },
  'snapshot of a file': {
    code: `await store.snapshot('victim', await find({ source: ${JSON.stringify(vdi)} }), how)`,
    withinMs: 250,
  },
  'clone of a file': { code: `await store.clone('victim', await find({ source: ${JSON.stringify(seed)} }), how)`, withinMs: 120 },
  remove: { code: `await store.remove((await store.drives('spare'))[0])`, withinMs: 60 },
}

function scriptOf(code: string): string {
  return `
    const { dirStore } = await import(${JSON.stringify(new URL('../../src/store/dir/dir.js', import.meta.url).href)})
    const store = dirStore({ folder: ${JSON.stringify(folder)} })
    const find = (wanted) => store.findSource(wanted)
    const how = { live: { runs: () => false } }
    process.stdout.write('loaded')
    ${code}`
}

async function runAndKill(code: string, withinMs: number): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', scriptOf(code)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * withinMs)
  await new Promise((resolve) => child.once('exit', resolve))
  clearTimeout(timer)
  child.stdout.destroy()
  await ended
}

/** Waits until nothing runs that works on the store: what began in the instant of the kill is tied to nobody, and ends by itself. */
async function assertNothingRuns(): Promise<void> {
  for (let tries = 0; tries < 500 && processesOn(folder).length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(processesOn(folder), [])
}

for (const [name, { code, withinMs }] of Object.entries(commands)) {
  it(`${name}, killed ${roundsEach} times`, async (t) => {
    let finished = 0
    for (let round = 0; round < roundsEach; round++) {
      const [gold] = await store.drives('gold')
      assert.ok(gold)
      // Something new, so that a snapshot needs a layer.
      writePattern(gold, round + 1, '11M', '64k')
      const before = digest(gold)
      if (name === 'remove') await store.snapshot('spare', await findGold(store), { live: noneLive })
      await runAndKill(code, withinMs)
      await assertNothingRuns()

      const [goldNow] = await store.drives('gold')
      assert.ok(goldNow)
      assert.equal(digest(goldNow), before)
      check(goldNow.image)
      const victims = await store.drives('victim')
      const spares = await store.drives('spare')
      for (const drive of [...victims, ...spares]) {
        check(drive.image)
        if (name.endsWith('file')) assert.equal(digest(drive), seedDigest)
        else if (name !== 'create') assert.equal(digest(drive), before)
      }
      finished += name === 'remove' ? 1 - spares.length : victims.length

      const next = await store.create('next', mib)
      assert.deepEqual(leftovers(folder), [])
      for (const drive of [...victims, ...spares, next]) await store.remove(drive)
      assert.equal((await store.driveNames()).join(), 'nbsvm-gold-0')
    }
    t.diagnostic(`${finished} of ${roundsEach} were faster than the kill`)
  })
}

// Each system call that changes what the folder holds. (A kill at fsync finds what a kill at the next of these finds.)
const steps = ['link', 'rename', 'unlink', 'chmod']

for (const name of ['snapshot', ...(isWhole ? ['snapshot of a raw drive', 'snapshot of a file'] : []), 'remove']) {
  it(`${name}, killed before each step`, async (t) => {
    if (spawnSync('strace', ['-V']).error) return t.skip('strace is not installed')
    const kills: string[] = []
    for (const step of steps) {
      for (let count = 1; await isKilledAt(name, step, count); count++) kills.push(step)
    }
    t.diagnostic(`killed at ${kills.join(', ')}`)
    assert.ok(kills.length > 2)
  })
}

/** Runs a command that is killed at the `count`th system call of a kind. Says false when it ended before. */
async function isKilledAt(name: string, step: string, count: number): Promise<boolean> {
  const { code = '' } = commands[name === 'snapshot of a raw drive' ? 'snapshot' : name] ?? {}
  const gold = name === 'snapshot of a raw drive' ? rawGold() : ((await store.drives('gold'))[0] ?? assert.fail())
  if (gold.image.format === 'qcow2') writePattern(gold, count, '11M', '64k')
  const before = digest(gold)
  if (name === 'remove') await store.snapshot('spare', await findGold(store), { live: noneLive })
  const inject = ['-o', '/dev/null', '-e', `trace=${step}`, '-e', `inject=${step}:signal=SIGKILL:when=${count}`]
  const node = [process.execPath, '--input-type=module', '-e', scriptOf(code)]
  const run = spawnSync('strace', [...inject, ...node], { encoding: 'utf8' })
  assert.ok(run.signal === 'SIGKILL' || run.status === 0, run.stderr)
  await assertNothingRuns()

  const [goldNow, ...others] = await store.drives('gold')
  assert.ok(goldNow)
  assert.deepEqual(others, [])
  assert.equal(digest(goldNow), before)
  const found = [...(await store.drives('victim')), ...(await store.drives('spare'))]
  for (const drive of found) assert.equal(digest(drive), name.endsWith('file') ? seedDigest : before)
  const next = await store.create('next', mib)
  assert.deepEqual(leftovers(folder), [])
  const files = fs.readdirSync(folder).filter((file) => file.startsWith('nbsvm-gold'))
  assert.deepEqual(files, [path.basename(goldNow.image.path)])
  for (const drive of [...found, next]) await store.remove(drive)
  return run.signal === 'SIGKILL'
}

/** Gold as a raw drive that nothing stands on. */
function rawGold(): { image: Image } {
  for (const file of fs.readdirSync(folder))
    if (file.startsWith('nbsvm-gold') || file.startsWith('.base-')) fs.rmSync(path.join(folder, file))
  const file = path.join(folder, 'nbsvm-gold-0.raw')
  fs.copyFileSync(seed, file)
  return { image: { format: 'raw', path: file, kind: 'file' } }
}

for (const kind of isWhole ? (['qcow2', 'raw', 'missing'] as const) : (['qcow2'] as const)) {
  it(`restore of a drive that is ${kind}, killed before each step`, async (t) => {
    if (spawnSync('strace', ['-V']).error) return t.skip('strace is not installed')
    const kills: string[] = []
    let restored = 0
    for (const step of steps) {
      for (let count = 1; ; count++) {
        const { isKilled, isRestored } = await restoreKilledAt(kind, step, count)
        if (!isKilled) {
          assert.ok(isRestored)
          break
        }
        kills.push(step)
        if (isRestored) restored++
      }
    }
    t.diagnostic(`killed at ${kills.join(', ')}; ${restored} times the drive was what the base holds`)
    assert.ok(kills.length > 1)
  })
}

/** Restores a drive, killed at the `count`th system call of a kind: it is what it was, or what the base holds. */
async function restoreKilledAt(kind: 'qcow2' | 'raw' | 'missing', step: string, count: number) {
  const gold = (await store.drives('gold'))[0] ?? (await store.create('gold', 8 * mib))
  const base = await store.freeze(gold, 'kept', { live: noneLive })
  const wanted = digest(base)
  const pinned = bases(folder)
  if (kind === 'raw') fs.copyFileSync(seed, path.join(folder, 'nbsvm-victim-0.raw'))
  if (kind === 'qcow2') {
    // On a base that nobody else needs.
    const below = await store.createOn('victim', base)
    writePattern(below, 1, '3M', '64k')
    await store.release(await store.freeze(below, 'short', { live: noneLive }), 'short')
    writePattern((await store.drives('victim'))[0] ?? assert.fail(), 2, '4M', '64k')
  }
  const [before] = await store.drives('victim')
  const was = before === undefined ? undefined : digest(before)
  const code = `await store.restore({ name: 'nbsvm-victim-0', number: 0 }, await store.base(${JSON.stringify(base.name)}))`
  const inject = ['-o', '/dev/null', '-e', `trace=${step}`, '-e', `inject=${step}:signal=SIGKILL:when=${count}`]
  const node = [process.execPath, '--input-type=module', '-e', scriptOf(code)]
  const run = spawnSync('strace', [...inject, ...node], { encoding: 'utf8' })
  assert.ok(run.signal === 'SIGKILL' || run.status === 0, run.stderr)

  const [victim, ...others] = await store.drives('victim')
  assert.deepEqual(others, [])
  assert.equal(victim?.fault, undefined)
  const is = victim === undefined ? undefined : digest(victim)
  assert.ok(is === was || is === wanted, `${step} ${count}`)
  const next = await store.create('next', mib)
  assert.deepEqual(leftovers(folder), [])
  const files = fs.readdirSync(folder).filter((file) => file.startsWith('nbsvm-victim'))
  assert.equal(files.length, victim === undefined ? 0 : 1, files.join())
  if (is === wanted) assert.deepEqual(bases(folder), pinned)
  const [after] = await store.drives('victim')
  assert.equal(after === undefined ? undefined : digest(after), is)
  if (after !== undefined) check(after.image)
  for (const drive of [...(after === undefined ? [] : [after]), next]) await store.remove(drive)
  await store.release(base, 'kept')
  return { isKilled: run.signal === 'SIGKILL', isRestored: is === wanted }
}

it('leaves no base that nobody stands on', async () => {
  const [gold] = await store.drives('gold')
  assert.ok(gold)
  await store.remove(gold)
  assert.deepEqual(bases(folder), [])
  assert.deepEqual(remains(folder), ['.lock'])
})
