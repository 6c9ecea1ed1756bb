// nbsvm is killed as it takes a checkpoint, goes back to one, saves a VM or wakes it, at any moment: the VM is as it was or as it is to be, its RAM and
// its drives are of one moment, and the next command works.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { makeHome, program, until } from '../cli.js'
import { checkDrives, goesOn, heard, startWitness } from '../support/witness.js'

/** So many kills of each kind; ten are the whole proof. */
const kills = Number(process.env['NBSVM_CHECKPOINT_KILLS'] ?? 1)

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('nbsvm is killed', () => {
  const home = makeHome()
  const own = path.join(home.folder, 'vms/web')

  const works = async (...words: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await home.nbsvm(['web', ...words])
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
    return stdout
  }

  interface Seen {
    readonly state: string
    readonly savedMs: number | null
    readonly detail: string | null
  }
  const see = async (): Promise<Seen> => JSON.parse((await home.nbsvm(['web', 'status', '--json'])).stdout) as Seen
  const names = async (): Promise<string[]> =>
    (JSON.parse(await works('checkpoints', '--json')) as { name: string; fault: string | null }[]).map(({ name, fault }) => {
      assert.equal(fault, null)
      return name
    })

  /** How long a line takes that nobody kills; then kills one at a random moment of that. Returns what is told of it. */
  const kill = async (usualMs: number, ...words: readonly string[]): Promise<string> => {
    const child = spawn(program, ['web', ...words], { env: home.env, stdio: 'ignore' })
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    // Before that Node loads.
    const afterMs = (0.15 + Math.random()) * usualMs
    await Promise.race([ended, pause(afterMs)])
    child.kill('SIGKILL')
    const status = await ended
    return `${words.join(' ')} after ${Math.round(afterMs)} ms${status === null ? '' : ', too late'}`
  }

  const timed = async (...words: readonly string[]): Promise<number> => {
    const before = performance.now()
    await works(...words)
    return performance.now() - before
  }

  /** What a kill has left is put in order by a shell that waits for it; what it cannot do waits for the next command. */
  const settled = async (told: string): Promise<Seen> => {
    let last: Seen | undefined
    let times = 0
    await until(
      () => `${told}: it settles, ${JSON.stringify(last)} ${fs.readdirSync(own).join(' ')}`,
      60_000,
      async () => {
        const now = await see()
        times = JSON.stringify(now.state) === JSON.stringify(last?.state) && now.state !== 'busy' ? times + 1 : 0
        last = now
        return times >= 5
      },
    )
    return last ?? see()
  }

  const assertTidy = (told: string): void =>
    assert.deepEqual(
      fs.readdirSync(own).filter((name) => name.startsWith('.frozen') || name === 'rollback'),
      [],
      told,
    )

  const outcomes = new Map<string, number>()
  const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)

  it('as it takes a checkpoint: the guest goes on', async () => {
    await startWitness(home, 'web')
    const usualMs = await timed('checkpoint', 'first')
    for (let at = 0; at < kills; at++) {
      const told = await kill(usualMs, 'checkpoint', `k${at}`)
      assert.equal((await settled(told)).state, 'running', told)
      await goesOn(home, 'web')
      const isThere = (await names()).includes(`k${at}`)
      count(`checkpoint: ${isThere ? 'taken' : 'not taken'}`)
      if (!isThere) await works('checkpoint', `k${at}`)
      assertTidy(told)
      await works('rollback', `k${at}`, '--yes')
      await goesOn(home, 'web')
      await works('checkpoints', `--rm=k${at}`)
      checkDrives(home)
    }
    assert.deepEqual(await names(), ['first'])
  })

  it('as it goes back: the VM is what it was, or start finishes it', async () => {
    const usualMs = await timed('rollback', 'first', '--yes')
    await goesOn(home, 'web')
    const first = heard(home, 'web').numbers[0] ?? 0
    for (let at = 0; at < kills; at++) {
      const before = await goesOn(home, 'web')
      const told = await kill(usualMs, 'rollback', 'first', '--yes')
      const { state } = await settled(told)
      const isBegun = fs.existsSync(path.join(own, 'rollback'))
      count(`rollback: ${state}${isBegun ? ', begun' : ''}`)
      if (isBegun) {
        for (const words of [['newimg'], ['checkpoint', 'x'], ['resize', '128M', '--drive=0']]) {
          const { status, stderr } = await home.nbsvm(['web', ...words])
          assert.equal(status, 1, told)
          assert.match(stderr, /rollback was cut off\n +finish it: nbsvm web start/, told)
        }
      }
      if (state === 'stopped') {
        const { status, stderr } = await home.nbsvm(['web', 'start', '--if-needed'])
        if (isBegun) {
          assert.equal(status, 0, `${told}: ${stderr}`)
          assert.match(stderr, /finishing the rollback of web to first/, told)
        } else {
          // It was ended, and nothing else: its drives are what its guest wrote last.
          await works('rollback', 'first', '--yes')
        }
      } else assert.equal(state, 'running', told)
      const now = await goesOn(home, 'web')
      const log = heard(home, 'web').numbers
      assert.ok(now > before || Math.abs((log[0] ?? 0) - first) < 5, `${told}: ${now} after ${before}, ${log[0]}`)
      await works('rollback', 'first', '--yes')
      assertTidy(told)
      await goesOn(home, 'web')
      checkDrives(home)
    }
  })

  for (const [name, words, ready] of [
    ['saves', ['save'], []],
    ['wakes', ['start'], ['save']],
  ] as const) {
    it(`as it ${name} it: the guest goes on, now or when it is started`, async () => {
      for (const word of ready) await works(word)
      const usualMs = await timed(...words)
      if (name === 'saves') await works('start')
      for (let at = 0; at < kills; at++) {
        const before = await goesOn(home, 'web')
        for (const word of ready) await works(word)
        const told = await kill(usualMs, ...words)
        const { state, savedMs } = await settled(told)
        count(`${name}: ${state}${savedMs === null ? '' : ', saved'}`)
        if (state === 'stopped') {
          assert.notEqual(savedMs, null, told)
          await works('start')
        }
        assert.ok((await goesOn(home, 'web')) >= before, told)
        await works('save', 'start')
        await goesOn(home, 'web')
        assertTidy(told)
        checkDrives(home)
      }
    })
  }

  it('and all of it can be removed', async () => {
    for (const [outcome, times] of outcomes) console.log(`${outcome}: ${times}`)
    await works('stop', 'rm', '--yes')
  })
})
