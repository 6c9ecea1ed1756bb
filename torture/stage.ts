// The VMs that verbs are tried on, and what must be so of them whatever was cut off: `gold`, a source that is off; `web`, whose guest knows when its RAM
// and its drive are not of one moment; `t`, which comes and goes.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { countedAt, countingAnew } from '../test/bootsector.js'
import { foldersIn, pinFaults } from '../test/support/remains.js'
import { contentOf, drivesIn, faultsIn, listFaults, mib, openWorld, orphansIn, runningIn, type World } from './world.js'

export interface Stage {
  readonly world: World
  /** A raw image and a qcow2 image of this machine. */
  readonly seed: string
  readonly image: string
  readonly works: World['works']
  readonly runs: (id: string) => boolean
  readonly drives: (id: string) => string[]
  /** Folders in web's record: its states. */
  readonly states: (below?: string) => string[]
  /** What is wrong: what runs, what a look of nbsvm's own says, web's RAM and drive. Takes 0.2 s. */
  readonly faults: () => Promise<string[]>
  /** The same after a command that changes something, with all that lies on the disk. Takes 0.8 s. */
  readonly allFaults: () => Promise<string[]>
  readonly close: () => Promise<void>
}

export async function openStage(parent?: string): Promise<Stage> {
  const world = openWorld(parent)
  await layOut(world)
  return stageOf(world)
}

/** Makes what is on it. */
export async function layOut({ folder, outside, works }: World): Promise<void> {
  const { seed, image } = imagesOf(outside)
  const counter = path.join(outside, 'counter.raw')
  fs.writeFileSync(seed, Buffer.concat([randomBytes(2 * mib), Buffer.alloc(2 * mib)]))
  fs.writeFileSync(counter, Buffer.concat([countingAnew, Buffer.alloc(4 * mib - 512)]))
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', seed, image])
  await works('gold', 'drive_size=4M', 'newimg')
  execFileSync('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'qcow2', seed, path.join(folder, 'drives/nbsvm-gold-0.qcow2')])
  await works('web', 'drive_size=4M', 'newimg')
  execFileSync('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'qcow2', counter, path.join(folder, 'drives/nbsvm-web-0.qcow2')])
}

const imagesOf = (outside: string): Pick<Stage, 'seed' | 'image'> => ({
  seed: path.join(outside, 'seed.raw'),
  image: path.join(outside, 'image.qcow2'),
})

/** What was laid out there. */
export function stageOf(world: World): Stage {
  const { folder, outside, works } = world
  const { seed, image } = imagesOf(outside)
  const sourceFiles = [seed, image].map((file) => [file, fs.readFileSync(file).toString('base64')] as const)
  const content = createHash('sha256').update(fs.readFileSync(seed)).digest('hex')

  const faults = async (): Promise<string[]> => {
    const orphans = (await orphansIn(world)).map((told) => `still there: ${told}`)
    return [...orphans, ...complaints(folder), ...(await listFaults(world))]
  }
  const allFaults = async (): Promise<string[]> => {
    const orphans = (await orphansIn(world)).map((told) => `still there: ${told}`)
    const next = await world.nbsvm(['next', 'drive_size=1M', 'newimg', 'rm', '--yes'])
    const failed = next.status === 0 ? [] : [`the next command ended with ${next.status}: ${next.stderr.trim()}`]
    const gold = drivesIn(folder, 'gold')
    const isSame = gold.length === 1 && contentOf(path.join(folder, 'drives', gold[0] ?? '')) === content
    const changed = sourceFiles.filter(([file, text]) => fs.readFileSync(file).toString('base64') !== text)
    return [
      ...orphans,
      ...failed,
      ...(isSame ? [] : ['the source has changed']),
      ...changed.map(([file]) => `${file} has changed`),
      ...complaints(folder),
      ...pinFaults(folder, 'web'),
      ...(await faultsIn(world)),
    ]
  }
  return {
    world,
    seed,
    image,
    works,
    runs: (id) => runningIn(folder).includes(id),
    drives: (id) => drivesIn(folder, id),
    states: (below = '') => foldersIn(path.join(folder, 'vms/web', below)),
    faults,
    allFaults,
    close: world.close,
  }
}

/** Does it on a stage of its own, which is gone after it. */
export async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openStage()
  try {
    await work(stage)
  } finally {
    await stage.close()
  }
}

/** What web's guest has found wrong with its RAM and its drive. */
function complaints(folder: string): string[] {
  const [drive] = drivesIn(folder, 'web')
  if (drive === undefined) return ["web's drive is lost"]
  const read = ['-r', '-U', '-f', 'qcow2', '-c', `read -v ${countedAt} 8`, path.join(folder, 'drives', drive)]
  const bytes = /^00000200: +((?:[0-9a-f]{2} +){8})/m.exec(execFileSync('qemu-io', read, { encoding: 'utf8' }))?.[1] ?? ''
  const [, , , , odd] = bytes.trim().split(/ +/)
  return odd === '00' ? [] : [`web's RAM and drive are not of one moment: ${bytes}`]
}
