// The log keeper: bounds what QEMU writes down, also while no nbsvm runs. QEMU has no bound for `logfile`, and a guest decides how
// much comes: a flood on its serial port, or events without end (pvpanic, its clock). So QEMU writes into FIFOs, and a small shell
// script reads them. It ends when QEMU, their last writer, is gone; QEMU goes on where it is killed. It believes and runs nothing
// of what it reads, and where the disk is full it drops what comes, so that QEMU never waits.
import type { Helper } from '../model/helper.js'
import { stateEvents, troubleEvents } from './journal.js'

/** What the keeper reads and writes, in the drawer. */
export const keeperFiles = {
  /** QEMU writes into it what the guest says on its serial port. */
  consoleFifo: 'console.fifo',
  /** QEMU writes its events into it, and its own words (standard error). */
  eventsFifo: 'events.fifo',
  console: 'console.log',
  events: 'events.jsonl',
  words: 'qemu.log',
} as const

export const keeperName = 'keeper'

/** Where the keeper moves a file that is full. */
export function olderOf(file: string): string {
  return `${file}.1`
}

/** So much of a line of events or words is kept. */
const lineBytes = 1000

/** So many lines of either are kept, twice: a full file is kept as FILE.1 until the next is full. */
const mostLines = 500

/** The console is written in blocks of at most this size: bytes as they come, with one read and one write each. */
const blockBytes = 128

/**
 * $1: a piece, in blocks; no dd writes more. $2: the size of a log that has no room for another piece.
 *
 * dd waits in a read and writes at once what came, so that a prompt without a line feed is there, and nothing runs while the guest is
 * silent. Where it has read nothing (0+0 records) that is the end. What `read` makes of a line is only compared and written down.
 */
const script = `exec 2>/dev/null
keep() {
  printf "%.${lineBytes}s\\n" "$2" >>$1
}
lines() {
  events=0 words=0 last=
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    ${stateEvents.map((name) => pattern(name)).join(' | ')}) kind=state ;;
    ${troubleEvents.map(({ name, action }) => pattern(name, action)).join(' | ')}) kind=trouble ;;
    \\{*) continue ;;
    *)
      keep ${keeperFiles.words} "$line"
      words=$((words + 1))
      [ $words -lt ${mostLines} ] || { mv -f ${keeperFiles.words} ${olderOf(keeperFiles.words)} && words=0; }
      continue ;;
    esac
    [ $kind$last != troubletrouble ] || continue
    last=$kind
    keep ${keeperFiles.events} "$line"
    events=$((events + 1))
    [ $events -lt ${mostLines} ] || { mv -f ${keeperFiles.events} ${olderOf(keeperFiles.events)} && events=0; }
  done
}
lines <&4 3<&- &
exec 4<&-
while :; do
  said=$(dd bs=${blockBytes} count=$1 2>&1 >>${keeperFiles.console} <&3) ||
    said=$(dd bs=65536 count=1 2>&1 >/dev/null <&3)
  case $said in 0+0*) break ;; esac
  size=$(wc -c <${keeperFiles.console}) && [ $size -gt $2 ] && mv -f ${keeperFiles.console} ${olderOf(keeperFiles.console)}
done
wait
rm -f $0.lock
`

/** What a line of QMP matches that tells such an event. */
function pattern(name: string, action?: string): string {
  const members = [`\\"event\\":\\ \\"${name}\\"`, ...(action === undefined ? [] : [`\\"action\\":\\ \\"${action}\\"`])]
  return `*${members.join('*')}*`
}

/** The keeper for a console log of `logBytes`, of which the last seven eighths at least are always there. */
export function keeper({ id, logBytes }: { readonly id: string; readonly logBytes: number }): Helper {
  const blocks = Math.max(1, Math.floor(logBytes / 8 / blockBytes))
  const linesBytes = mostLines * (lineBytes + 1)
  return {
    name: keeperName,
    // The VM's name is for whoever looks at a list of processes.
    command: ['sh', `helpers/${keeperName}`, String(blocks), String(logBytes - blocks * blockBytes), id],
    script,
    keepsDescriptors: true,
    reads: [keeperFiles.consoleFifo, keeperFiles.eventsFifo],
    writes: [
      { file: keeperFiles.console, maxBytes: 2 * logBytes },
      { file: keeperFiles.events, maxBytes: 2 * linesBytes },
      { file: keeperFiles.words, maxBytes: 2 * linesBytes },
    ],
  }
}
