// A line that somebody else has asked for, in the world of the one that is being done.
import { UsageError } from '../core/errors.js'
import { printable, printableMessage } from '../core/text.js'
import type { Context } from '../action/verb.js'
import type { Asker } from '../web/run.js'
import type { Line } from './parse.js'
import { exitStatusOf } from './report.js'
import type { World } from './world.js'

/** Has `runLine` read, check and run it. What it says goes to who asked. */
export async function runAnother(
  words: readonly string[],
  asker: Asker,
  world: World,
  runLine: (words: readonly string[], world: World, check: (line: Line) => void) => Promise<number>,
): ReturnType<Context['runLine']> {
  const report = (error: unknown): number => {
    asker.onError(error)
    return exitStatusOf(error)
  }
  const voice = {
    out: (text: string) => asker.onOutput(printable(text)),
    outRaw: (text: string) => asker.onOutput(printable(text)),
    // What reads or writes a stream is for no page.
    outBytes: () => {},
    note: (text: string) => asker.onNote(printableMessage(text)),
    progress: (text: string | undefined) => asker.onProgress(text),
    isTerminal: () => false,
  }
  // Its VMs are named by their ids, so the class that this line was given is not theirs.
  const { class: _, ...environment } = world.environment
  const own = { ...world, program: 'nbsvm', environment, signal: asker.signal, mouth: { voice: () => voice, report } }
  try {
    return await runLine(words, own, (line) => asker.check(asRead(line)))
  } catch (error) {
    return report(error)
  }
}

function asRead(line: Line): Parameters<Asker['check']>[0] {
  if (line.kind === 'command') return { kind: 'command', targets: [], settings: {}, steps: [line.step] }
  if (line.kind === 'remote') throw new UsageError('another machine: not from here')
  return line
}
