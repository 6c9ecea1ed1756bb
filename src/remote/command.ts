// What runs on the other machine. Pure.
import { Failure } from '../core/errors.js'
import { quoteWord } from '../core/words.js'

export interface RemoteLine {
  /** The words after `nbsvm` there. */
  readonly words: readonly string[]
  /** What the caller calls the other machine, for the lines that it tells somebody to type. */
  readonly host: string
  /** What the other machine is called in what it says; nothing where the line is about it alone. */
  readonly as?: string | undefined
  /** Which of stdout (1) and stderr (2) are a terminal here; there they are pipes. */
  readonly terminals: readonly (1 | 2)[]
  /** Its standard input carries nothing, and its end tells that nobody waits any more. */
  readonly isWatched: boolean
  /** Where files of the caller's are: remote/mirror.ts. */
  readonly mirror?: Mirrored | undefined
  /** The mark comes first, on stdout and stderr. */
  readonly isMarked?: true
}

/**
 * Stands alone on the line before what is for this program to read. What is said before is ssh's or the login's own: a profile may
 * greet.
 */
export const mark = 'nbsvm:here'

/** More than any login says, in characters. */
export const longestGreeting = 64 * 1024

/** What was said before and after the mark. */
export function cutAtMark(text: string): { readonly before: string; readonly after: string | undefined } {
  const at = text.slice(0, longestGreeting).indexOf(`${mark}\n`)
  return at === -1 ? { before: text, after: undefined } : { before: text.slice(0, at), after: text.slice(at + mark.length + 1) }
}

/** Hands on what comes after the mark, which `onMark` is told of. Throws a Failure where that does not come. */
export function behindMark(take: (piece: Buffer) => void, onMark?: () => void): (piece: Buffer) => void {
  let greeting: Buffer | undefined = Buffer.alloc(0)
  return (piece) => {
    if (greeting === undefined) {
      take(piece)
      return
    }
    greeting = Buffer.concat([greeting, piece])
    const at = greeting.indexOf(`${mark}\n`)
    if (at === -1 && greeting.length > longestGreeting) throw new Failure('its login says more than can be passed over')
    if (at === -1) return
    const rest = greeting.subarray(at + mark.length + 1)
    greeting = undefined
    onMark?.()
    if (rest.length > 0) take(rest)
  }
}

/** Files of the caller's, on the other machine. */
export interface Mirrored {
  /** The folder there below which they have the paths that they have here. */
  readonly root: string
  /** The caller's folder, as its path here. */
  readonly folder: string
  /** What of them is its stdin; nothing without it. */
  readonly stdin?: string
}

/** A word as sh, csh and fish alike read it: fish takes a backslash in single quotes for what it stands before. */
function quoteForAny(word: string): string {
  return word.replaceAll(/[^\\']+|[\\']/g, (part) => (part === '\\' || part === "'" ? `\\${part}` : `'${part}'`)) || "''"
}

/** Beside the caller's files: the process that is to be told to end when nobody waits for it any more. */
export const pidFile = '/.nbsvm-pid'

/** Where nbsvm may be though the PATH of a line by ssh does not say so. */
const furtherPath = '$PATH:/usr/local/bin:$HOME/.local/bin:$HOME/bin'

export const missingWords = 'there is no nbsvm on'
const missingHint = 'install it there; one that is elsewhere is found by a link in /usr/local/bin or ~/.local/bin'

/**
 * The command for ssh: on one line, and in single quotes, so that whatever shell the user has there hands it on to sh.
 *
 * Without a terminal nothing there would be told of a Ctrl-C here, or of a connection that is lost, but that stdin ends: then nbsvm
 * gets SIGTERM, and undoes what is half done.
 */
export function remoteCommand({ words, host, as, terminals, isWatched, mirror, isMarked }: RemoteLine): string {
  const variables = [
    `NBSVM_HOST=${quoteWord(host)}`,
    ...(as === undefined ? [] : [`NBSVM_AS=${as}`]),
    ...(mirror === undefined ? [] : [`NBSVM_MIRROR=${quoteWord(mirror.root)}`]),
    `NBSVM_TERMINALS=${terminals.join('')}`,
  ]
  const missing = `{ echo "nbsvm: ${missingWords} $(uname -n), or not in the PATH of a line by ssh" >&2; echo "  ${missingHint}" >&2; exit 127; }`
  const stdin = mirror?.stdin === undefined ? undefined : quoteWord(mirror.root + mirror.stdin)
  const watched =
    `exec 3<&0 4<${stdin ?? '/dev/null'}; ` +
    // Without the 4 it would get /dev/null, as all that is run in the background does.
    'nbsvm "$@" <&4 3<&- 4<&- & pid=$!; { cat <&3; kill $pid; } >/dev/null 2>&1 & watch=$!; exec 3<&- 4<&-; ' +
    'wait $pid; status=$?; kill $watch 2>/dev/null; exit $status'
  const script = [
    ...(isMarked ? [`echo ${mark}; echo ${mark} >&2`] : []),
    `PATH=${furtherPath}`,
    `export PATH ${variables.join(' ')}`,
    `command -v nbsvm >/dev/null || ${missing}`,
    ...(mirror === undefined ? [] : [`cd ${quoteWord(mirror.root + mirror.folder)} || exit 1`]),
    isWatched ? watched : `${unwatched(mirror)}${stdin === undefined ? '' : ` <${stdin}`}`,
  ].join('; ')
  return scriptCommand(script, words)
}

/** It reads stdin, or has a terminal, whose end it is told of. */
function unwatched(mirror: Mirrored | undefined): string {
  if (mirror === undefined) return 'exec nbsvm "$@"'
  const file = quoteWord(mirror.root + pidFile)
  return `(sh -c ${quoteWord(`echo $$ >${file}; exec nbsvm "$@"`)} sh "$@"; status=$?; rm -f ${file}; exit $status)`
}

/** The command for ssh that says the mark on stdout, and then runs a script by sh, with these words as its arguments. */
export function markedScript(script: string, words: readonly string[]): string {
  return scriptCommand(`echo ${mark}; ${script}`, words)
}

function scriptCommand(script: string, words: readonly string[]): string {
  return ['exec', 'sh', '-c', quoteForAny(script), 'sh', ...words.map(quoteForAny)].join(' ')
}
