// A program's input and output by way of files in the guest: for what is more than its agent takes or keeps.
import { Failure } from '../core/errors.js'
import type { Turn } from './agent.js'
import { readGuestFile, writeGuestFile } from './files.js'
import { runProgram, type Ended, type Program, type ProgramLimits } from './program.js'
import { folderScript, spoolScript } from './script.js'

/** What takes what a program has said, once it has ended: stdout is 1, stderr is 2. */
export type TakeOutput = (fd: 1 | 2, piece: Buffer) => void

/** A program whose input may be of any size. */
export interface LargeProgram extends Pick<Program, 'words'> {
  readonly input: Iterable<Buffer>
}

/** Runs a program whose input and output may be of any size. What it says goes to `take`, so the result has none of it. */
export async function runSpooled(
  turn: Turn,
  { words, input }: LargeProgram,
  limits: ProgramLimits,
  take: TakeOutput,
): Promise<Ended> {
  const { signal } = limits
  return withGuestFolder(turn, async (folder) => {
    await writeGuestFile(turn, `${folder}/in`, input, signal)
    const ended = await runProgram(turn, { words: ['sh', '-c', spoolScript, 'sh', folder, ...words] }, limits)
    for (const [fd, name] of [
      [1, 'out'],
      [2, 'err'],
    ] as const) {
      await readGuestFile(turn, `${folder}/${name}`, (piece) => take(fd, piece), signal)
    }
    return ended
  })
}

/** A folder of our own in the guest, for as long as `work` takes. */
async function withGuestFolder<T>(turn: Turn, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder(turn)
  try {
    return await work(folder)
  } finally {
    await runProgram((step) => turn(step, 'anyway'), { words: ['rm', '-rf', folder] }).catch(() => {})
  }
}

async function makeFolder(turn: Turn): Promise<string> {
  const { status, stdout, stderr } = await runProgram(turn, { words: ['sh', '-c', folderScript] })
  const path = stdout.toString('utf8').trimEnd()
  if (status === 0 && /^\/[\w./-]{1,200}$/.test(path)) return path
  const words = stderr.toString('utf8', 0, 500).trim() || `exit status ${status}`
  throw new Failure(`no folder for temporary files can be made in the guest: ${words}`)
}
