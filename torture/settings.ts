// Settings files: whatever stands in one, it is read within its time or refused by rule, nothing is run, and what is accepted means what it means to bash.
import childProcess from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { bashs, ours, snippet, tokenSoup, type Layers, type Values } from '../test/support/oracle.js'
import type { Job, Row, Turn } from './row.js'

/** Of one text, in this process's own time. */
const mostMs = 50
const batch = 1000

export const settings: Row = {
  name: 'settings',
  what: 'settings files, generated, at least half of them valid',
  minutes: 20,
  run: (job) => {
    readAll(job)
    return Promise.resolve()
  },
}

function readAll(job: Job): void {
  let [texts, valid, compared, begun] = [0, 0, 0, 0]
  let worst = 0
  const end = countPrograms(() => begun++)
  for (const turn of job.turns(100_000 / batch, 1)) {
    const accepted: { layers: Layers; values: Values; names: string[] }[] = []
    const own = begun
    for (const layers of generate(turn, job.isShort ? 600 : batch)) {
      texts++
      const { values, ms, fault } = readOne(layers)
      worst = Math.max(worst, ms)
      if (fault !== undefined) job.found(`${JSON.stringify(layers)}: ${fault}`)
      if (ms > mostMs) job.found(`${JSON.stringify(layers)} took ${ms.toFixed(0)} ms`)
      if (values !== undefined) accepted.push({ layers, values, names: Object.keys(values) })
    }
    if (begun > own) job.found(`${begun - own} programs were run while settings were read`)
    valid += accepted.length
    for (const [at, theirs] of bashs(accepted).entries()) {
      const one = accepted[at]
      compared++
      if (one === undefined || isDeepStrictEqual(one.values, theirs)) continue
      job.found(`${JSON.stringify(one.layers)}: here ${JSON.stringify(one.values)}, bash ${JSON.stringify(theirs)}`)
    }
  }
  end()
  if (valid < texts / 2) job.found(`only ${valid} of ${texts} texts were valid: the generator is no good`)
  job.done(`${texts} texts, ${valid} valid and the same to bash (${compared} compared); the longest took ${worst.toFixed(1)} ms`)
}

const name = fc.constantFrom('mem', 'smp', 'cpu', 'net_if', 'qemu')
const piece = fc.constantFrom(
  'a',
  '-x',
  ',',
  ':',
  "'a b'",
  "''",
  '"$w x"',
  '"a\\"b"',
  '$w',
  '${w}',
  '${z:-d}',
  '${y:-"a  b"}',
  '\\ ',
  '~/x',
  '#',
  'é',
)
const word = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
const plain = fc.oneof(
  fc.tuple(name, word).map(([one, value]) => `${one}=${value}\n`),
  fc.tuple(fc.constantFrom('args', 'usb'), fc.array(word, { maxLength: 5 })).map(([one, all]) => `${one}+=(${all.join(' ')})\n`),
)

/** Two of five are plain, and valid nearly always; two are statements of all kinds; the rest is a soup. */
function generate({ random }: Turn, count: number): Layers[] {
  const sample = <T>(kind: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(kind, { numRuns, seed: random.below(2 ** 31) })
  const part = Math.floor(count / 5)
  return [
    ...sample(fc.array(plain, { minLength: 1, maxLength: 4 }), 2 * part).map((texts) => [texts.join('')]),
    ...sample(fc.array(snippet, { minLength: 1, maxLength: 2 }), count - 3 * part),
    ...sample(tokenSoup, part).map((text) => [text]),
  ]
}

function readOne(layers: Layers): { values?: Values | undefined; ms: number; fault?: string } {
  const before = process.cpuUsage()
  const time = (): number => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  try {
    const values = ours(layers)
    return { values, ms: time() }
  } catch (error) {
    return { ms: time(), fault: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

/** Tells of each program that this process begins from now on, until the function that is returned is called. */
function countPrograms(tell: () => void): () => void {
  const { prototype } = childProcess.ChildProcess as unknown as { prototype: { spawn: (...args: unknown[]) => unknown } }
  const { spawn } = prototype
  prototype.spawn = function (this: unknown, ...args) {
    tell()
    return spawn.apply(this, args)
  }
  return () => (prototype.spawn = spawn)
}
