// `export` and `import` of a drive of 10 GB, a quarter full, against cp --sparse of its raw image, both to disk.
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import { inPairs, type Bench } from './table.js'
import { fileSystem, type World } from './world.js'

const mib = 1024 * 1024
const sizeMib = Number(process.env['NBSVM_BENCH_ARCHIVE_MB'] ?? 10_240)

export const archive: Bench = {
  name: 'archive',
  async *rows(world) {
    const raw = makeImage(world.folder)
    world.nbsvm('web', `source=${raw}`, 'clone')
    const [copy, file] = [path.join(world.folder, 'copy.raw'), path.join(world.folder, 'web.vm')]
    const cp = (): number => {
      const ms = world.timeOf('sh', '-c', `cp --sparse=always '${raw}' '${copy}' && sync '${copy}'`)
      rmSync(copy)
      return ms
    }
    const on = `${sizeMib} MB, a quarter full, on ${fileSystem(world.folder)}`
    for (const [how, flags] of [
      ['packed by zstd', []],
      ['--plain', ['--plain']],
    ] as const) {
      const write = (): number => {
        rmSync(file, { force: true })
        return world.time('web', 'export', file, ...flags)
      }
      const read = (): number => {
        const ms = world.time('new', 'import', file)
        world.nbsvm('new', 'rm', '--yes')
        return ms
      }
      yield {
        what: `cp --sparse, sync | export ${how}, ${on}`,
        pairs: await inPairs(3, cp, write),
        unit: 'ms',
        goal: { atLeast: 0.7 },
      }
      yield { what: `cp --sparse, sync | import, ${how}`, pairs: await inPairs(3, cp, read), unit: 'ms', goal: { atLeast: 0.7 } }
      rmSync(file)
    }
    same(world, raw)
  },
}

/** Every fourth 64 MB hold data: half of it random, half of it text, as on a system's disk. */
function makeImage(folder: string): string {
  const file = path.join(folder, 'disk.raw')
  const fd = openSync(file, 'w')
  const [noise, text] = [randomBytes(mib), Buffer.alloc(mib, 'nbsvm makes, starts and talks to virtual machines. ')]
  ftruncateSync(fd, sizeMib * mib)
  for (let at = 0; at < sizeMib; at++) if (at % 256 < 64) writeSync(fd, at % 2 === 0 ? noise : text, 0, mib, at * mib)
  closeSync(fd)
  return file
}

/** What came is what went. */
function same(world: World, raw: string): void {
  const file = path.join(world.folder, 'same.vm')
  world.nbsvm('web', 'export', file)
  world.nbsvm('new', 'import', file)
  world.run(
    'qemu-img',
    'compare',
    '-f',
    'raw',
    '-F',
    'qcow2',
    raw,
    path.join(world.env['NBSVM_HOME'] ?? '', 'drives/nbsvm-new-0.qcow2'),
  )
}
