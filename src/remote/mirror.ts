// Files of the caller's on another machine: in a folder there, of the caller's own, in which they have the paths that they have here.
// So the words of a line mean there what they mean here; nbsvm there leaves the folder's name out of what it says (NBSVM_MIRROR).
//
// The folder is there as long as somebody waits for it: one session does nothing but that, and removes it when its stdin ends, be it
// that the line is done, that the connection is lost, or that nbsvm here was killed.
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { printableMessage } from '../core/text.js'
import { flow } from '../sys/flow.js'
import { hold } from '../sys/held.js'
import { connectionLost } from './call.js'
import { behindMark, mark, markedScript, pidFile } from './command.js'
import { connect, isConnected, joined, quiet, sshWords, type Machine } from './connection.js'

export interface Mirror {
  readonly root: string
  /** Who may enter it there. */
  readonly owner: { readonly uid: number; readonly gid: number }
  /** Runs a script there, which `input` goes into and what it says comes out of. Rejects with a Failure in its own words. */
  readonly shell: MachineShell
  /** Removes it. */
  remove(): Promise<void>
}

export interface MachineScript {
  readonly text: string
  readonly words: readonly string[]
  readonly input?: () => Iterable<Buffer>
  readonly take?: (piece: Buffer) => void
}

export type MachineShell = (script: MachineScript) => Promise<void>

/**
 * Makes a folder for large files that only its owner can enter, says whose it is and where, and removes it when nobody waits any more.
 * What still runs then, and would not be told otherwise, is told to end; a second look removes what it has left.
 */
const keepScript = [
  // Nobody may wait any more when it says where the folder is.
  "trap '' PIPE HUP",
  'umask 077',
  'd=$(mktemp -d "${TMPDIR:-/var/tmp}/nbsvm-XXXXXXXXXXXX") || exit',
  'd=$(cd "$d" && pwd -P) || exit',
  'echo "$(id -u) $(id -g) $d"',
  'exec 2>/dev/null',
  'cat >/dev/null',
  `read pid <"$d${pidFile}" && kill $pid`,
  'for tries in 1 2 3 4 5; do [ -d "$d" ] || exit 0; chmod -R u+rwx "$d"; rm -rf "$d" && exit 0; sleep 1; done',
].join('; ')

/** Makes an empty mirror on a machine. Throws a Failure where it cannot be reached, or has no room. */
export async function makeMirror(machine: Machine, caller: Caller): Promise<Mirror> {
  await connect(machine, caller)
  const { signal } = caller
  const held = await hold(sshWords(machine, ['-T', ...quiet], [markedScript(keepScript, [])]), { signal, after: mark })
  const [, uid, gid, root] = /^(\d{1,10}) (\d{1,10}) (\/[^\p{Cc}]{1,400})$/u.exec(held.line ?? '') ?? []
  if (root === undefined) {
    await held.release()
    if ((await isConnected(machine)) === false) throw connectionLost(machine)
    const words = printableMessage(held.errors().trim(), 500)
    throw new Failure(`cannot bring files to ${machine.host}${words === '' ? '' : `: ${words}`}`, { code: 'HOST_UNREACHABLE' })
  }
  return {
    root,
    owner: { uid: Number(uid), gid: Number(gid) },
    shell: (script) => runScript(machine, script, caller),
    remove: () => held.release(),
  }
}

async function runScript(machine: Machine, { text, words, input, take }: MachineScript, { signal }: Caller): Promise<void> {
  const command = sshWords(machine, ['-T', ...quiet, ...joined(machine)], [markedScript(text.trim(), words)])
  const { status, stderr } = await flow(command, { input: input?.(), take: take && behindMark(take), signal })
  if (status === 0) return
  if ((await isConnected(machine)) === false) throw connectionLost(machine)
  const said = printableMessage(stderr.toString('utf8', 0, 2000).trim(), 500)
  throw new Failure(`${machine.host}: ${said || `its shell ended with status ${status}`}`)
}
