// A guest that wants the terminal: it floods, it never reads, and it says whatever a terminal would answer or obey.
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFilter } from '../src/console/filter.js'
import { answers } from '../test/fixture/answers.js'
import { openWindow, type Window } from '../test/fixture/window.js'
import { program } from '../test/cli.js'
import { seeded, type Random } from './random.js'
import type { Job, Row } from './row.js'
import { mib, inWorld, type World } from './world.js'

const mostRssKb = 100 * 1024
/** On top of what it takes at a guest that is silent, on this machine at this moment. */
const mostLeaveMs = 1000

export const consoleRow: Row = {
  name: 'console',
  what: 'console flood, a guest that never reads, an escape corpus of 300 split at every byte',
  minutes: 10,
  isAlone: true,
  async run(job) {
    corpusSplit(job)
    await inWorld(async (world) => {
      const silentMs = await silent(world)
      await flooded(job, world, silentMs)
      await unread(job, world, silentMs)
      await spoken(job, world, silentMs)
    })
  },
}

const finals = 'cnmtxqzuhlpySiRgJKHrsfABCDEFG`@'.split('')
const intermediates = ['', '$', '*', '&', ' ', '!', '"', "'"]
const leaders = ['', '?', '>', '=', '<']
const numbers = ['', '0', '5', '6', '18', '21', '?', '996', '2026', '2048', '1001', '1;1;1;1;5;5', '0;0;0', '4;2']

/** 300 sequences: forms that a terminal answers, forms that look like them, strings of every kind, in 7 bits, 8 bits and UTF-8. */
function escapeCorpus(random: Random): string[] {
  const csi = (): string => `${random.pick(leaders)}${random.pick(numbers)}${random.pick(intermediates)}${random.pick(finals)}`
  const text = (): string =>
    random.pick([
      '',
      'x',
      '52;c;eA==',
      '4;1;?',
      '11;?',
      '50;?',
      '1337;File=',
      '46;log',
      '777;notify;x',
      '+q544e',
      '$qm',
      'q#0',
      '_Gi=1;',
    ])
  const begins = [
    '\u001B[',
    '\u009B',
    '\u001B]',
    '\u009D',
    '\u001BP',
    '\u0090',
    '\u001B_',
    '\u009F',
    '\u001B^',
    '\u009E',
    '\u001BX',
    '\u0098',
  ]
  const ends = ['\u0007', '\u001B\\', '\u009C', '\u0018', '\u001A', '', '\u001B']
  const plain = [
    '\u0005',
    '\u001BZ',
    '\u009A',
    '\u001B G',
    '\u001B%@',
    '\u001B%/8',
    '\u001Bc',
    '\u001B[\u00056n',
    '\u001B[6\u0005n',
    '\u001B[6\u001B[6n',
  ]
  const made = Array.from({ length: 300 - plain.length }, () => {
    const begin = random.pick(begins)
    const isCsi = begin === '\u001B[' || begin === '\u009B'
    const body = isCsi ? csi() : `${text()}${random.pick(ends)}`
    const odd = random.below(6) === 0 ? random.pick(['\u0005', '\n', '\u0000', '\u001B', '\u007F', '\u0018', 'é']) : ''
    const at = random.below(body.length + 1)
    return begin + body.slice(0, at) + odd + body.slice(at)
  })
  return [...plain, ...made]
}

function corpusSplit(job: Job): void {
  let [sequences, cuts] = [0, 0]
  for (const { random } of job.turns(4, 2)) {
    for (const sequence of escapeCorpus(random)) {
      sequences++
      for (const encoding of ['latin1', 'utf8'] as const) {
        const bytes = Buffer.from(`a${sequence}b${sequence}`, encoding)
        for (let cut = 0; cut <= bytes.length; cut++) {
          cuts++
          const filter = createFilter()
          const out = [bytes.subarray(0, cut), bytes.subarray(cut)].map((piece) => Buffer.from(filter.push(piece)))
          // What the terminal is shown next is not drawn into what came before.
          const found = answers(Buffer.concat([...out, Buffer.from('c')]))
          if (found.length > 0) job.found(`${JSON.stringify(sequence)} cut at ${cut} (${encoding}): ${found.join(', ')}`)
        }
      }
    }
  }
  job.done(`${sequences} sequences at ${cuts} cuts`)
}

/** The most memory that a process had so far, in KB. */
function peakKb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

interface Left {
  readonly ms: number
  readonly rssKb: number
}

/** Ctrl-], and what it takes. */
async function leave(window: Window): Promise<Left> {
  const rssKb = peakKb(await window.pid())
  const begun = performance.now()
  window.keyboard.write('\u001D')
  await window.status(30_000)
  return { ms: performance.now() - begun, rssKb }
}

function judge(job: Job, what: string, { ms, rssKb }: Left, silentMs: number): string {
  if (ms > mostLeaveMs + silentMs) job.found(`${what}: Ctrl-] took ${ms.toFixed(0)} ms`)
  if (rssKb > mostRssKb) job.found(`${what}: ${(rssKb / 1024).toFixed(0)} MB`)
  return `${(rssKb / 1024).toFixed(0)} MB, Ctrl-] in ${ms.toFixed(0)} ms, ${silentMs.toFixed(0)} at a silent guest`
}

/** How long Ctrl-] takes where nothing is said. */
async function silent(world: World): Promise<number> {
  await world.works('silent', 'drive_size=1M', 'newimg', 'start', '-S')
  const window = openWindow(`${process.execPath} ${program} silent console`, {
    folder: world.outside,
    env: world.env,
    told: true,
  })
  try {
    window.screen.resume()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    return (await leave(window)).ms
  } finally {
    window.kill()
    await world.works('silent', 'stop')
  }
}

/** A real guest that says 0 to 9 and a line feed as fast as it can: test/logs.test.ts explains the code. */
async function flooded(job: Job, world: World, silentMs: number): Promise<void> {
  const sector = Buffer.alloc(512)
  Buffer.from('baf803b030eefec03c3a75f9b00aeeebf2', 'hex').copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  const image = path.join(world.outside, 'flood.raw')
  fs.writeFileSync(image, Buffer.concat([sector, Buffer.alloc(mib - 512)]))
  await world.works('flood', `source=${image}`, 'log_size=256K', 'clone', 'start')
  const window = openWindow(`${process.execPath} ${program} flood console`, { folder: world.outside, env: world.env, told: true })
  try {
    let bytes = 0
    window.screen.on('data', (piece: Buffer) => (bytes += piece.length))
    const seconds = job.isShort ? 4 : 60
    let logs = 0
    const drawer = path.join(world.folder, 'state/flood')
    const sizeOf = (name: string): number => fs.statSync(path.join(drawer, name), { throwIfNoEntry: false })?.size ?? 0
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      logs = Math.max(logs, sizeOf('console.log') + sizeOf('console.log.1'))
    }
    const told = judge(job, 'a flood', await leave(window), silentMs)
    if (logs > 512 * 1024) job.found(`a flood: ${logs} bytes of logs`)
    if (bytes === 0) job.found(`a flood: nothing was shown`)
    job.done(`flood of ${seconds} s (${told}, logs ${(logs / 1024).toFixed(0)} of 512 KB)`)
  } finally {
    window.kill()
    await world.works('flood', 'stop')
  }
}

/** A guest that has not begun, and takes nothing of what is typed. */
async function unread(job: Job, world: World, silentMs: number): Promise<void> {
  await world.works('deaf', 'drive_size=1M', 'newimg', 'start', '-S')
  const window = openWindow(`${process.execPath} ${program} deaf console`, { folder: world.outside, env: world.env, told: true })
  try {
    window.screen.resume()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const typed = job.isShort ? 1 : 20
    for (let megabytes = 0; megabytes < typed; megabytes++) await typedAt(window, 'x'.repeat(mib))
    const told = judge(job, 'a guest that never reads', await leave(window), silentMs)
    job.done(`${typed} MB typed at a guest that never reads (${told})`)
  } finally {
    window.kill()
    await world.works('deaf', 'stop')
  }
}

/** Until it is taken, or nobody takes more of it. */
async function typedAt({ keyboard }: Window, text: string): Promise<void> {
  if (keyboard.write(text)) return
  await Promise.race([
    new Promise((resolve) => keyboard.once('drain', resolve)),
    new Promise((resolve) => setTimeout(resolve, 200)),
  ])
}

/** The corpus, in a flood through the whole console. */
async function spoken(job: Job, world: World, silentMs: number): Promise<void> {
  const driver = fileURLToPath(import.meta.resolve('../test/fixture/attach.js'))
  const socket = path.join(world.outside, 'console.sock')
  const random = seeded(Math.floor(performance.now()))
  const block = Buffer.concat(
    escapeCorpus(random).flatMap((one) => ['latin1', 'utf8'].map((how) => Buffer.from(`${one}#`, how as BufferEncoding))),
  )
  const server = net.createServer((peer) => {
    const more = (): void => {
      while (!peer.destroyed && peer.write(block));
    }
    peer
      .on('drain', more)
      .on('error', () => {})
      .resume()
    more()
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const window = openWindow(`${process.execPath} ${driver} ${socket}`, { folder: world.outside, told: true })
  try {
    const shown: Buffer[] = []
    let bytes = 0
    window.screen.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes < 4 * mib) shown.push(piece)
    })
    const seconds = job.isShort ? 2 : 20
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    const told = judge(job, 'a flood of the corpus', await leave(window), silentMs)
    const found = answers(Buffer.concat(shown))
    if (found.length > 0) job.found(`a flood of the corpus: the terminal would answer ${found.slice(0, 5).join(', ')}`)
    if (bytes === 0) job.found(`a flood of the corpus: nothing was shown`)
    job.done(`${seconds} s of the corpus through the console (${told})`)
  } finally {
    window.kill()
    server.close()
  }
}
