// A move that is cut off by a kill, of anything that has a hand in it, at any moment: one machine has the VM, and it can move again.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { program, until, type Home } from '../cli.js'
import { makeMachines, whyNoMachine } from '../support/machines.js'
import { counted, goesOn, onDrive, processesWith, startCounting } from '../support/moving.js'

/** So many kills of each kind; twenty are the whole proof. */
const kills = Number(process.env['NBSVM_MOVE_KILLS'] ?? 1)

/** Somewhat longer than a move takes here. */
const moveMs = Number(process.env['NBSVM_MOVE_MS'] ?? 2500)

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('a move is cut off', { skip: whyNoMachine }, () => {
  const { home, of } = makeMachines('box2')
  const box2 = of('box2')
  const hasIt = ({ folder }: Home, id: string): boolean => fs.existsSync(path.join(folder, 'vms', id))
  const pidsOf = ({ folder }: Home, id: string): number[] => {
    const file = path.join(folder, 'state', id, 'pid')
    return fs.existsSync(file) ? [Number(fs.readFileSync(file, 'utf8'))] : []
  }
  const stateOf = async ({ nbsvm }: Home, id: string): Promise<string | undefined> =>
    (JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string; state: string }[]).find((vm) => vm.id === id)?.state

  const victims: Readonly<Record<string, (id: string, mover: number) => number[]>> = {
    'the QEMU here': (id) => pidsOf(home, id),
    'the QEMU there': (id) => pidsOf(box2, id),
    'the nbsvm here': (_, mover) => [mover],
    'the nbsvm there': (id) => processesWith([id, 'receive'], `NBSVM_HOME=${box2.folder} `).slice(0, 1),
    ssh: () => processesWith([path.join(home.folder, 'state/.ssh'), '[mux]']),
  }

  let made = 0
  let id = ''
  const outcomes = new Map<string, number>()

  for (const [what, victimsOf] of Object.entries(victims)) {
    it(`by a kill of ${what}`, async () => {
      for (let at = 0; at < kills; at++) {
        if (!hasIt(home, id) || (await stateOf(home, id)) !== 'running') {
          id = `vm${++made}`
          await startCounting(home, id)
        }
        const mover = spawn(program, [id, 'move', 'box2'], { env: home.env, stdio: ['ignore', 'pipe', 'pipe'] })
        let said = ''
        mover.stderr.on('data', (text: Buffer) => (said += text.toString()))
        const ended = new Promise<number | null>((resolve) => mover.on('close', resolve))
        const afterMs = Math.random() * moveMs
        await pause(afterMs)
        let killed: number[] = []
        while (mover.exitCode === null && killed.length === 0) {
          killed = victimsOf(id, mover.pid ?? 0)
          for (const pid of killed) process.kill(pid, 'SIGKILL')
          if (killed.length === 0) await pause(5)
        }
        const heard = Math.max(...counted(home, id), ...counted(box2, id), 0)
        const status = await ended
        const told = `${what} after ${Math.round(afterMs)} ms (${killed.length}): status ${status}, ${said}`
        const mark = path.join(home.folder, `vms/.moves/${id}.json`)
        await until(`the move is settled: ${told}`, 60_000, () => !fs.existsSync(mark))
        // What is half made there is removed by whoever makes it, as soon as it has noticed.
        let states: (string | undefined)[] = []
        await until(`one machine has it: ${told}`, 30_000, async () => {
          states = [await stateOf(home, id), await stateOf(box2, id)]
          return states.filter((state) => state !== undefined).length === 1
        })
        const where = states[0] === undefined ? box2 : home
        const which = `${where === home ? 'here' : 'there'} ${states.join('')}`
        outcomes.set(`${what}: ${which}`, (outcomes.get(`${what}: ${which}`) ?? 0) + 1)
        if (states.includes('running')) {
          assert.ok((await goesOn(where, id)) >= heard, told)
        } else {
          assert.match(what, /QEMU/, told)
          assert.ok(onDrive(where, id) >= heard, `${told}: ${onDrive(where, id)} of ${heard}`)
        }
        if (where === home) {
          const again = await home.nbsvm([id, 'move', 'box2'])
          assert.equal(again.status, 0, `${told}; again: ${again.stderr}`)
          assert.equal(await stateOf(home, id), undefined)
          if (states.includes('running')) assert.ok((await goesOn(box2, id)) >= heard)
        }
        await box2.nbsvm([id, 'stop', 'rm', '--yes'])
      }
      for (const [outcome, times] of outcomes) console.log(`${outcome}: ${times}`)
      outcomes.clear()
    })
  }
})
