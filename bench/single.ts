// nbsvm as one file (scripts/single) against the package by Node.js, and against the file that Node.js itself would make of it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inPairs, type Bench, type Row } from './table.js'
import type { World } from './world.js'

/** The Node.js of the other file: one that can make it (--build-sea). */
const release = '26'

export const single: Bench = {
  name: 'single',
  async *rows(world) {
    const ours = path.join(world.folder, 'ours')
    const other = path.join(world.folder, 'other')
    execFileSync(path.resolve('scripts/single'), [ours], { stdio: 'ignore' })
    makeOther(other)
    // What Node.js compiles it keeps there.
    mkdirSync(path.join(world.env['NBSVM_HOME'] ?? '', 'state'), { recursive: true, mode: 0o700 })
    yield { what: 'size: one file | one file of Node.js', pairs: [{ a: megabytes(ours), b: megabytes(other) }], unit: 'MB' }
    for (const word of ['version', 'ls']) {
      yield await measure(world, word, 'package, Node.js of the system', ours, [world.program])
      yield await measure(world, word, `package, Node.js ${release}`, ours, [nodeProgram(), world.program])
      yield await measure(world, word, `one file of Node.js ${release}`, ours, [other])
    }
  },
}

function nodeProgram(): string {
  return execFileSync(path.resolve('scripts/nodes'), ['with', release, 'sh', '-c', 'command -v node'], {
    encoding: 'utf8',
  }).trim()
}

/** A single executable application of the whole program in one script, with the code that V8 makes of it. */
function makeOther(file: string): void {
  const script = `${file}.cjs`
  const rolldown = ['src/cli/program.ts', '--file', script, '--format', 'cjs', '--platform', 'node']
  execFileSync('node_modules/.bin/rolldown', [...rolldown, '--inlineDynamicImports'], { stdio: 'ignore' })
  const config = { main: script, output: file, disableExperimentalSEAWarning: true, useCodeCache: true }
  writeFileSync(`${file}.json`, JSON.stringify(config))
  execFileSync(nodeProgram(), ['--build-sea', `${file}.json`], { stdio: 'ignore' })
}

function megabytes(file: string): number {
  return statSync(file).size / 2 ** 20
}

async function measure(world: World, word: string, what: string, ours: string, other: readonly string[]): Promise<Row> {
  const [command = '', ...before] = other
  const pairs = await inPairs(
    25,
    () => world.timeOf(ours, word),
    () => world.timeOf(command, ...before, word),
  )
  return { what: `${word}: one file | ${what}`, pairs, unit: 'ms' }
}
