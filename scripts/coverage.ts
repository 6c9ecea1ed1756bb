// npm run coverage [-- TEST ...]: how much of src/ the tests run, all of them or the files that are named. Programs that tests start count as well: what they
// run is in dist/, whose maps lead back to src/. V8 writes a file for each process as it ends (NODE_V8_COVERAGE); there are thousands, so each is taken in
// and removed while the tests go on.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface Script {
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly Range[] }[]
}

/** Where the parts of a file that was run come from: at which offset which line of src/ begins. */
type Origins = readonly { readonly offset: number; readonly file: string; readonly line: number }[]

const folder = path.resolve('build/coverage')
const source = path.resolve('src')
/** Of each file of src/, each line that code was made of: whether it ran. */
const lines = new Map<string, Map<number, boolean>>()
const known = new Map<string, Origins>()

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const tests = spawn('bash', ['scripts/test', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, NODE_V8_COVERAGE: folder },
})
const timer = setInterval(takeIn, 1000)
tests.on('close', (status) => {
  clearInterval(timer)
  takeIn()
  tell()
  process.exitCode = status ?? 1
})

function takeIn(): void {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name)
    try {
      const { result } = JSON.parse(readFileSync(file, 'utf8')) as { result: readonly Script[] }
      rmSync(file)
      result.forEach(count)
    } catch {
      // It is being written.
    }
  }
}

function count({ url, functions }: Script): void {
  if (!url.startsWith('file:') || !/\/(build\/js\/src|dist)\//.test(url) || url.endsWith('.test.js')) return
  const file = fileURLToPath(url)
  const origins = known.get(file) ?? originsOf(file)
  known.set(file, origins)
  // From the outermost inwards: the last that holds a place is what V8 says of it.
  const ranges = functions
    .flatMap((one) => one.ranges)
    .toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const open: Range[] = []
  let next = 0
  for (const { offset, file: from, line } of origins) {
    for (let range = ranges[next]; range !== undefined && range.startOffset <= offset; range = ranges[++next]) open.push(range)
    while ((open.at(-1)?.endOffset ?? Infinity) <= offset) open.pop()
    const ran = (open.findLast(({ endOffset }) => endOffset > offset)?.count ?? 0) > 0
    const own = lines.get(from) ?? new Map<number, boolean>()
    lines.set(from, own.set(line, ran || own.get(line) === true))
  }
}

/** Reads a file's map; in the order of its offsets. */
function originsOf(file: string): Origins {
  if (!existsSync(`${file}.map`)) return []
  const { mappings, sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { mappings: string; sources: string[] }
  const starts = lineStarts(readFileSync(file, 'utf8'))
  const files = sources.map((name) => path.resolve(path.dirname(file), name))
  let [from, line] = [0, 0]
  return mappings.split(';').flatMap((ofLine, at) => {
    let column = 0
    return ofLine.split(',').flatMap((segment) => {
      const [step = 0, fileStep, lineStep = 0] = vlq(segment)
      column += step
      if (fileStep === undefined) return []
      from += fileStep
      line += lineStep
      const name = files[from] ?? ''
      return name.startsWith(`${source}/`) ? [{ offset: (starts[at] ?? 0) + column, file: name, line }] : []
    })
  })
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Numbers as maps write them: five bits a digit, the lowest first; the lowest bit of all is the sign. */
function vlq(text: string): number[] {
  const numbers: number[] = []
  let [value, shift] = [0, 0]
  for (const char of text) {
    const digit = digits.indexOf(char)
    value += (digit & 31) << shift
    shift += 5
    if (digit & 32) continue
    numbers.push(value & 1 ? -(value >> 1) : value >> 1)
    ;[value, shift] = [0, 0]
  }
  return numbers
}

/** The share of each room, and of all. */
function tell(): void {
  const rooms = new Map<string, { ran: number; all: number }>()
  for (const [file, own] of lines) {
    const [room = '', below = ''] = path.relative(source, file).split('/')
    for (const name of [room === 'vm' ? `vm/${below}` : room, 'all of src/']) {
      const sum = rooms.get(name) ?? { ran: 0, all: 0 }
      const ran = [...own.values()].filter(Boolean).length
      rooms.set(name, { ran: sum.ran + ran, all: sum.all + own.size })
    }
  }
  const unseen = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /(?<!\.test|\.d)\.ts$/.test(name) && !name.startsWith('page/') && !lines.has(path.join(source, name)),
  )
  console.log('\nlines of src/ that the tests ran (src/page runs in a browser, and is not counted)')
  for (const [name, { ran, all }] of [...rooms].toSorted(([a], [b]) => a.localeCompare(b)))
    console.log(`${name.padEnd(14)} ${((100 * ran) / all).toFixed(1).padStart(5)} %  ${ran} of ${all}`)
  if (unseen.length > 0) console.log(`never loaded, or types alone: ${unseen.join(', ')}`)
}
