// Waiting for a text on a VM's console. It is read from the console's log, which has all since power-on: nothing is lost between
// two lines, and whoever is attached to the console keeps it.
import type { Awaited } from '../../console/awaited.js'
import { openTail, placeIn, readBefore } from '../../console/logtail.js'
import { createLookout, findText, type Find, type Lookout } from '../../console/lookout.js'
import { squeeze } from '../../console/vttext.js'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { longerSeconds } from '../../core/patience.js'
import { quote } from '../../core/quote.js'
import { quoteWord } from '../../core/words.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { finderOf } from '../../sys/pattern.js'
import { requireRunning } from '../life/up.js'
import { isAdopted } from '../record/added.js'
import type { Vm } from '../record/vm.js'
import { doingOf, isGone, screenBytes, shownLines, whyGone } from './doing.js'
import { heardUpTo, isOurs, logOf, noteHeard } from './heard.js'

export type AwaitedText = Extract<Awaited, { kind: 'text' | 'pattern' }>

export interface TextOptions {
  readonly timeoutMs: number
  /** Looks at all since power-on, also at what was waited for before. */
  readonly all?: boolean | undefined
}

const lookEveryMs = 50

/** A pattern may take so long on one look. */
const patternMs = 1000

/**
 * Resolves when the text is on the console of a VM that runs, after what was waited for last. Rejects with a Failure that shows the
 * end of the console when it does not come in time, and as soon as the VM ends.
 */
export async function waitForText(vm: Vm, awaited: AwaitedText, options: TextOptions, { signal }: Caller): Promise<void> {
  const { drawer } = vm
  // A guest may say it and go down at once.
  if (!isOurs(drawer)) requireRunning(vm, 'wait for')
  if (isAdopted(drawer))
    throw new Failure(
      `cannot wait for a text of ${vm.id}: its QEMU was started by hand, so nobody writes down what is on its console`,
      {
        hints: [`see it: ${vm.call} console`, `as nbsvm starts it: ${vm.call} shutdown start`],
      },
    )
  const find = finderFor(awaited)
  const ear = listen(vm, options)
  const deadline = deadlineIn(options.timeoutMs)
  let lastCount: number | undefined
  for (;;) {
    const isOver = deadline.isOver
    // What was said by then is looked at whole, however short the time; what a guest goes on saying is not.
    if (isOver) lastCount ??= ear.lookout.count + ear.ahead()
    const ending = isGone(drawer) ? await whyGone(drawer) : undefined
    const heard = ear.hear(find)
    if (heard === 'too slow') {
      throw new Failure(`${nameOf(awaited)} takes too long to look for: it goes back and forth in what it reads`)
    }
    if (typeof heard === 'object') return noteHeard(drawer, placeIn(logOf(drawer), heard.inode, heard.offset))
    const isWhole = heard === 'nothing' || (lastCount !== undefined && ear.lookout.count >= lastCount)
    if (isWhole && (ending !== undefined || isOver)) {
      const how =
        ending === undefined ? `within ${options.timeoutMs / 1000} seconds; ${doingOf(drawer)}` : `and is gone: ${ending.words}`
      throw unheard(vm, {
        code: ending === undefined ? 'TIMEOUT' : 'VM_NOT_RUNNING',
        awaited,
        how,
        lookout: ear.lookout,
        wasThere: ear.lookout.wasThere(find),
        timeoutMs: options.timeoutMs,
      })
    }
    await pause(heard === 'nothing' ? Math.min(lookEveryMs, deadline.leftMs) : 0, signal)
  }
}

interface Ear {
  readonly lookout: Lookout
  /** How many bytes were said by now that were not heard. */
  readonly ahead: () => number
  /** Takes the next piece. Returns where in the log it is that was looked for. */
  readonly hear: (find: Find) => LogSpot | 'nothing' | 'something' | 'too slow'
}

interface LogSpot {
  readonly inode: number
  readonly offset: number
}

/** Listens from where the console was heard last. */
function listen({ drawer }: Vm, { all = false }: TextOptions): Ear {
  const log = logOf(drawer)
  const from = all ? undefined : heardUpTo(drawer)
  const lookout = createLookout()
  if (from !== undefined) lookout.push(readBefore(log, from, screenBytes))
  lookout.begin()
  const tail = openTail(log, from)
  /** Where what was pushed lies in the log, a row for each piece that does not follow the one before. */
  const files: (LogSpot & { readonly count: number })[] = []
  const spotOf = (end: number): LogSpot | undefined => {
    const file = files.findLast(({ count }) => count < end) ?? files[0]
    return file === undefined ? undefined : { inode: file.inode, offset: file.offset + end - file.count }
  }
  return {
    lookout,
    ahead: () => tail.ahead(),
    hear: (find) => {
      const piece = tail.read()
      if (piece === undefined) return 'nothing'
      const { bytes, inode, offset } = piece
      const due = spotOf(lookout.count)
      if (due?.inode !== inode || due.offset !== offset) files.push({ count: lookout.count, inode, offset })
      lookout.push(bytes)
      // Piece by piece: a flood would push out of the text what is looked for.
      const end = lookout.seek(find)
      return end === 'too slow' ? end : end === undefined ? 'something' : (spotOf(end) ?? 'something')
    },
  }
}

function finderFor(awaited: AwaitedText): Find {
  if (awaited.kind === 'text') return findText(squeeze(awaited.text))
  const find = finderOf(awaited.pattern)
  return (text) => find(text, patternMs)
}

function nameOf(awaited: AwaitedText): string {
  return awaited.kind === 'text' ? quote(awaited.text) : awaited.pattern.toString().replace(/[gm]+(?=[a-z]*$)/, '')
}

interface Unheard {
  readonly code: 'TIMEOUT' | 'VM_NOT_RUNNING'
  readonly awaited: AwaitedText
  readonly how: string
  readonly lookout: Lookout
  readonly wasThere: boolean
  readonly timeoutMs: number
}

/** The Failure of who waited in vain. */
function unheard(vm: Vm, { code, awaited, how, lookout, wasThere, timeoutMs }: Unheard): Failure {
  const word = awaited.kind === 'text' ? awaited.text : nameOf(awaited)
  const hints = [
    ...(wasThere
      ? [`it was there before, where an earlier wait or type ended; to see it again: ${vm.call} wait --all ${quoteWord(word)}`]
      : []),
    `wait longer: ${vm.call} timeout=${longerSeconds(timeoutMs)} wait ${quoteWord(word)}`,
    `all that it said: ${vm.call} log`,
  ]
  return new Failure(`${vm.id} did not say ${nameOf(awaited)} ${how}\n${shownLines(lookout.lines())}`, { code, hints })
}
