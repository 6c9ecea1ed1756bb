// What runs in the machine whose power is cut (`powercut.ts`): `powered lay|look|work [LAST] [SEED]`. LAST is the last word of the run before. It says
// `FOUND what` of each fault, `whole` when it has looked at all, and then `at NAME` and `done NAME` of each line that it tries.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { backupsFolder, backupsOf, hasTemplate, settle } from './needs.js'
import { seeded } from './random.js'
import { layOut, stageOf, type Stage } from './stage.js'
import { verbs, type Verb } from './verbs.js'
import { worldIn } from './world.js'

/** In memory, but for what is mounted on it. */
const place = '/run/torture'

const say = (line: string): void => {
  fs.writeSync(1, `${line.replaceAll('\n', ' | ')}\n`)
}

/** What these have done goes with the power. */
const ofARun = new Set(['start', 'start of one that is saved', 'stop', 'attach', 'detach', 'fork'])

async function look(stage: Stage, last: string, isThorough: boolean): Promise<void> {
  const verb = verbs.find(({ name }) => last === `done ${name}`)
  if (verb?.isDone?.(stage) === false && !ofARun.has(verb.name)) say(`FOUND what ${verb.name} had done is not so`)
  await settle(stage)
  for (const fault of await stage.allFaults()) say(`FOUND ${fault}`)
  const ids = isThorough ? ['gold', 'web'] : []
  for (const id of ids) if (backupsOf(stage, id).length > 0) await stage.works(id, 'backups', backupsFolder(stage), '--verify')
  // It is looked at by its digests then.
  if (isThorough && hasTemplate(stage)) await stage.works('whole', 'gold=web', 'identity=no', 'fork', 'stop', 'rm', '--yes')
  say('whole')
}

async function work(stage: Stage, seed: number): Promise<void> {
  const random = seeded(seed)
  for (;;) {
    const verb: Verb = random.pick(verbs)
    say(`at what ${verb.name} needs`)
    await verb.ready(stage)
    say(`at ${verb.name}`)
    const { status, stderr } = await stage.world.nbsvm(verb.words(stage))
    if (status !== 0 && verb.name !== 'shutdown') say(`FOUND ${verb.name} ended with ${status}: ${stderr}`)
    say(`done ${verb.name}`)
  }
}

async function main([what = '', last = '', seed = '0']: readonly string[]): Promise<void> {
  execFileSync('modprobe', ['-d', '/run/modules', 'ext4'])
  fs.mkdirSync(place)
  execFileSync('mount', ['-t', 'ext4', '/dev/ubda', place])
  const world = worldIn(place)
  if (what === 'lay') {
    await layOut(world)
    execFileSync('umount', [place])
    return
  }
  const stage = stageOf(world)
  // Not each time: to read all of it takes long here.
  await look(stage, last, what === 'look' || Number(seed) % 3 === 0)
  if (what === 'work') return work(stage, Number(seed))
  await world.nbsvm(['*', 'stop'])
  execFileSync('umount', [place])
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  say(`FOUND ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 1
}
