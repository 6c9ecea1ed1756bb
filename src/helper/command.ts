// How a helper is run: pure, the same for `start` and for what `explain` prints.
import path from 'node:path'
import { quoteWord, quoteWords } from '../core/words.js'
import type { Helper } from '../model/helper.js'

/** The folder of a drawer with the helpers' locks; it is there as long as helpers may be. */
export const helperFolder = 'helpers'

/** The script of a helper whose program is one of ours. */
export function scriptOf(name: string): string {
  return `${helperFolder}/${name}`
}

export function lockOf(name: string): string {
  return `${helperFolder}/${name}.lock`
}

/**
 * The command that takes the helper's lock, writes the number of its process into it, and is the helper from then on. Where the
 * helper would close the lock, a shell holds it and waits for the helper, also when both are told to end.
 */
export function helperCommand({ name, command, keepsDescriptors, reads }: Helper): string[] {
  const lock = lockOf(name)
  // What reads what QEMU says is to hear QEMU's end; a shell that waits is to see the helper's.
  const signals = reads.length > 0 ? 'trap "" TERM; ' : keepsDescriptors ? '' : 'trap : TERM; '
  // Without the exit after it, bash would become the last program that it runs.
  const run = keepsDescriptors ? 'exec "$@"' : '"$@"; exit $?'
  return ['flock', '-n', '-F', lock, 'sh', '-c', `${signals}echo $$ >${lock}; ${run}`, 'sh', ...command]
}

/**
 * Lines for a shell that make a drawer ready for its helpers, without what the last run has left (`history`), and start them;
 * comments before say how much they may write.
 */
export function pasteableHelpers(drawer: string, helpers: readonly Helper[], history: readonly string[]): string[] {
  if (helpers.length === 0) return []
  const fifos = helpers.flatMap(({ reads }) => reads)
  const folders = [drawer, `${drawer}/run`, `${drawer}/${helperFolder}`]
  const makeFifos = fifos.length === 0 ? '' : ` && rm -f ${quoteWords(fifos)} && mkfifo -m 600 ${quoteWords(fifos)}`
  const inside = history.map((file) => path.relative(drawer, file))
  return [
    ...helpers.flatMap(({ name, writes }) =>
      writes.map(({ file, maxBytes }) => `# ${name} keeps ${file} below ${Math.ceil(maxBytes / 1024)}K`),
    ),
    `mkdir -p -m 700 ${quoteWords(folders)} && (cd ${quoteWord(drawer)} && rm -f ${quoteWords(inside)}${makeFifos})`,
    ...helpers.map((helper) => `(cd ${quoteWord(drawer)} && umask 077 && { ${pasteable(helper)} })`),
  ]
}

function pasteable(helper: Helper): string {
  const { name, reads, ready, log, script } = helper
  // Quoted, a shell changes nothing of it.
  const write = script === undefined ? '' : `cat >${scriptOf(name)} <<'END'\n${script}END\n`
  const files = reads.map((fifo, index) => ` ${3 + index}<${quoteWord(fifo)}`).join('')
  const start = `${quoteWords(helperCommand(helper))}${files} </dev/null >>${quoteWord(log ?? '/dev/null')} 2>&1 &`
  if (ready === undefined) return write + start
  return `${write}rm -f ${quoteWord(ready)}; ${start} until test -s ${quoteWord(ready)} || test -S ${quoteWord(ready)} || ! kill -0 $!; do sleep 0.1; done;`
}
