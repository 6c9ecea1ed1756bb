// What runs on the other machine. Pure.
export interface RemoteLine {
  /** The words after `nbsvm` there. */
  readonly words: readonly string[]
  /** What the other machine is called in what it says; nothing where the line is about it alone. */
  readonly as?: string | undefined
  /** Which of stdout (1) and stderr (2) are a terminal here; there they are pipes. */
  readonly terminals: readonly (1 | 2)[]
  /** Its standard input carries nothing, and its end tells that nobody waits any more. */
  readonly isWatched: boolean
}

/** A word as sh, csh and fish alike read it: fish takes a backslash in single quotes for what it stands before. */
function quoteForAny(word: string): string {
  return word.replaceAll(/[^\\']+|[\\']/g, (part) => (part === '\\' || part === "'" ? `\\${part}` : `'${part}'`)) || "''"
}

/** Where nbsvm may be though the PATH of a line by ssh does not say so. */
const furtherPath = '$PATH:/usr/local/bin:$HOME/.local/bin:$HOME/bin'

/**
 * The command for ssh: on one line, and in single quotes, so that whatever shell the user has there hands it on to sh.
 *
 * Without a terminal nothing there would be told of a Ctrl-C here, or of a connection that is lost, but that stdin ends: then nbsvm
 * gets SIGTERM, and undoes what is half done.
 */
export function remoteCommand({ words, as, terminals, isWatched }: RemoteLine): string {
  const variables = [...(as === undefined ? [] : [`NBSVM_AS=${as}`]), `NBSVM_TERMINALS=${terminals.join('')}`]
  const missing = `{ echo "nbsvm: there is no nbsvm on $(uname -n), or not in the PATH of a line by ssh" >&2; exit 127; }`
  const watched =
    'exec 3<&0 </dev/null; nbsvm "$@" 3<&- & pid=$!; { cat <&3; kill $pid; } >/dev/null 2>&1 & watch=$!; exec 3<&-; ' +
    'wait $pid; status=$?; kill $watch 2>/dev/null; exit $status'
  const script = [
    `PATH=${furtherPath}`,
    `export PATH ${variables.join(' ')}`,
    `command -v nbsvm >/dev/null || ${missing}`,
    isWatched ? watched : 'exec nbsvm "$@"',
  ].join('; ')
  return ['exec', 'sh', '-c', quoteForAny(script), 'sh', ...words.map(quoteForAny)].join(' ')
}
