// `clone` of a raw image of 4 GB, a quarter full, against what else copies it.
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import { inPairs, type Bench, type Row } from './table.js'
import { fileSystem, openWorld, type World } from './world.js'

const mib = 1024 * 1024
const imageBytes = 4096 * mib

export const clone: Bench = {
  name: 'clone',
  async *rows(world) {
    const image = makeImage(world.folder, imageBytes)
    const copy = path.join(world.folder, 'copy.raw')
    const on = `on ${fileSystem(world.folder)}`
    const ours = (): number => timeClone(world, image)
    const against = async (what: string, command: readonly [string, ...string[]], goal?: Row['goal']): Promise<Row> => {
      const theirs = (): number => {
        const ms = world.timeOf(...command)
        rmSync(copy)
        return ms
      }
      // The slower first: the ratio says how many times faster a clone is.
      const pairs = await inPairs(3, theirs, ours)
      return { what: `${what} | clone of 4 GB, ${on}`, pairs, unit: 'ms', ...(goal === undefined ? {} : { goal }) }
    }
    const dd = ['dd', `if=${image}`, `of=${copy}`, 'bs=1M', 'status=none'] as const
    yield await against('dd bs=1M conv=fsync', [...dd, 'conv=fsync'], { atLeast: 5 })
    yield await against('dd bs=1M', [...dd])
    yield await against('cp --sparse=always, sync', ['sh', '-c', `cp --sparse=always '${image}' '${copy}' && sync '${copy}'`])
    rmSync(image)
    for (const kind of ['xfs', 'btrfs']) yield* onReflinks(world, kind)
  },
}

/** Every fourth 64 MB hold data. */
function makeImage(folder: string, sizeBytes: number): string {
  const file = path.join(folder, `${sizeBytes / mib}.raw`)
  const fd = openSync(file, 'w')
  const data = Buffer.alloc(mib, 'nbsvm')
  ftruncateSync(fd, sizeBytes)
  for (let at = 0; at < sizeBytes; at += mib) if (at % (256 * mib) < 64 * mib) writeSync(fd, data, 0, mib, at)
  closeSync(fd)
  return file
}

function timeClone(world: World, image: string): number {
  const ms = world.time('copy', `source=${image}`, 'clone')
  world.nbsvm('copy', 'rm', '--yes')
  return ms
}

/** Where the file system shares blocks, a clone of any size takes the same time. */
async function* onReflinks(outer: World, kind: string): AsyncIterable<Row> {
  const mount = mountLoop(outer, kind)
  const world = openWorld({ parent: mount })
  outer.atEnd(() => world.close())
  const [large, small] = [makeImage(world.folder, imageBytes), makeImage(world.folder, mib)]
  const pairs = await inPairs(
    10,
    () => timeClone(world, large),
    () => timeClone(world, small),
  )
  yield { what: `clone of 4 GB | of 1 MB, on ${fileSystem(mount)}`, pairs, unit: 'ms', goal: { atMost: 1.2 } }
}

/** A file system in a file, mounted; needs root and loop devices. */
function mountLoop(world: World, kind: string): string {
  const [file, mount] = [path.join(world.folder, kind), path.join(world.folder, `${kind}-mount`)]
  closeSync(openSync(file, 'w'))
  world.run('truncate', '-s', '3G', file)
  mkdirSync(mount)
  world.run(`mkfs.${kind}`, '-q', file)
  world.run('mount', '-o', 'loop', file, mount)
  world.atEnd(() => world.run('umount', '-l', mount))
  if (statSync(mount).dev === statSync(world.folder).dev) throw new Error(`${kind} was not mounted`)
  return mount
}
