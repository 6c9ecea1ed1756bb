import { age } from '../core/age.js'
import { formatSize } from '../core/size.js'
import { columns } from '../core/table.js'
import { listenText, portsText, spansOf } from '../model/forward.js'
import { hostArch } from '../sys/environment.js'
import { statusOf, type DriveStatus, type Status } from '../vm/life/status.js'
import { levelWords } from './level.js'
import { timeOf } from './time.js'
import { holderName } from '../vm/record/added.js'
import type { Verb } from './verb.js'

/** `sha512:` and as many digits as tell images apart. */
const digestShown = 19

/** As systemctl says it: a VM that does not run is no error, and yet no success. */
const notRunning = 3

export const status: Verb = {
  help: `Tells the VM's state and since when, why it ended, its drives, their sizes and whether they run full, and the ports that lead into it; of a guest
whose agent answers also its name, its system and its addresses. The exit status
is 0 for a VM that runs or is paused, 3 for one that does not run. nbsvm foo alone does the same.

  nbsvm foo status
  nbsvm foo status --json`,

  async run({ vm, flags, out, signal }) {
    const found = await statusOf(vm, { signal })
    out(flags['json'] === true ? JSON.stringify(found, undefined, 2) : describe(found))
    return found.state === 'running' || found.state === 'paused' ? 0 : notRunning
  },
}

function describe(found: Status): string {
  const {
    pid,
    memBytes,
    memNowBytes,
    cpus,
    accelerator,
    uuid,
    image,
    drives,
    discs,
    shares,
    devices,
    forwards,
    taps,
    runAs,
    helpers,
    faults,
  } = found
  const rows: [string, string][] = [['state', stateLine(found)]]
  if (pid !== null) rows.push(['pid', runAs === null ? String(pid) : `${pid}, as ${runAs}`])
  rows.push([
    'machine',
    `${formatSize(memBytes)} RAM${isLess(memNowBytes, memBytes) ? ` (${formatSize(memNowBytes)} now)` : ''}, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}${accelerator === null ? '' : `, ${accelerator}`}`,
  ])
  const board = boardLine(found)
  if (board !== '') rows.push(['board', board])
  if (uuid !== null) rows.push(['uuid', uuid])
  if (image !== null) rows.push(['image', `${image.name}  ${image.digest.slice(0, digestShown)}  ${levelWords[image.level]}`])
  rows.push(...frozenRows(found))
  rows.push(...guestRows(found), ...drives.flatMap(driveRows))
  for (const { drive, path } of discs) rows.push(['disc', `${drive}  ${path ?? 'empty'}`])
  for (const { hostPath, guestPath, readOnly, tag, by } of shares) {
    rows.push(['share', `${hostPath} -> ${guestPath}${readOnly ? ', read-only' : ''}  (${by} ${tag})`])
  }
  for (const { name, kind, what } of devices) if (what !== null) rows.push(['attached', `${name}  ${kind} ${what}`])
  for (const { first, count } of spansOf(forwards, (one, other) => one.alive === other.alive && one.tunnel === other.tunnel)) {
    const host = listenText(first, portsText(first.hostPort, count))
    const guest = `${portsText(first.guestPort, count)}/${first.protocol}`
    rows.push(['port', `${host} -> ${guest}${first.alive ? '' : `  dead: ${first.tunnel ?? 'passt'} has ended`}`])
  }
  if (taps.length > 0) rows.push(['taps', taps.join(' ')])
  for (const { name, alive, pid } of helpers) {
    const again = name === holderName ? `adopt ${found.pid ?? 'PID'}` : 'stop start'
    rows.push(['helper', `${name}${pid === null ? '' : `, pid ${pid}`}${alive ? '' : `  dead; it comes back with: ${again}`}`])
  }
  for (const fault of faults) rows.push(['fault', fault])
  rows.push(['drawer', found.drawer])
  return [found.id, ...columns(rows).map((line) => `  ${line}`)].join('\n')
}

function frozenRows({ template, forkedFrom }: Status): [string, string][] {
  const rows: [string, string][] = forkedFrom === null ? [] : [['fork', `forked from ${forkedFrom}`]]
  if (template === null) return rows
  const { atMs, ramBytes, forks } = template
  const words = [
    `frozen ${age(Date.now() - atMs)} ago`,
    `${formatSize(ramBytes)} of RAM on disk`,
    forks.length === 0 ? 'no forks run' : `forks: ${forks.join(', ')}`,
  ]
  return [...rows, ['template', words.join(', ')]]
}

function guestRows({ guest }: Status): [string, string][] {
  if (guest === null) return []
  const names = [guest.hostname, guest.os].filter((text) => text !== null)
  const addresses = guest.addresses.map(({ address, interface: card }): [string, string] => ['address', `${address} (${card})`])
  return [...(names.length === 0 ? [] : [['guest', names.join(', ')] as [string, string]]), ...addresses]
}

/** What the guest runs on: `aarch64, virt-7.2, CPU max, UEFI, TPM`. */
function boardLine({ arch, machine, cpu, firmware, tpm }: Status): string {
  const words = [
    arch === hostArch() ? null : arch,
    machine,
    cpu === null ? null : `CPU ${cpu}`,
    firmwares[firmware],
    tpm ? 'TPM' : null,
  ]
  return words.filter((text) => text !== null).join(', ')
}

const firmwares: Readonly<Record<Status['firmware'], string | null>> = { bios: null, uefi: 'UEFI', secure: 'UEFI, secure boot' }

function isLess(nowBytes: number | null, memBytes: number): nowBytes is number {
  return nowBytes !== null && nowBytes < memBytes
}

function driveRows({ name, virtualBytes, allocatedBytes, path, health, fault }: DriveStatus): [string, string][] {
  const size = virtualBytes === null ? '' : `${formatSize(virtualBytes)}, ${formatSize(allocatedBytes ?? 0)} on disk  `
  const notes = [fault === null ? '' : `broken: ${fault}`, health?.words ?? ''].filter((text) => text !== '')
  return [
    ['drive', `${name}  ${size}${path}`],
    ...notes.map((text): [string, string] => ['', `  ${text}`]),
    ...(health?.hints ?? []).map((hint): [string, string] => ['', `    ${hint}`]),
  ]
}

function stateLine({ state, detail, sinceMs, ending, savedMs }: Status): string {
  if (savedMs !== null) return `saved since ${timeOf(savedMs)}: start lets its guest go on`
  const since = sinceMs === null ? '' : ` since ${timeOf(sinceMs)}`
  if (ending !== null) return ending.kind === 'never-started' ? 'stopped; never started yet' : `stopped${since}: ${ending.words}`
  const plain = detail === null || detail === 'running' || detail === 'paused'
  return `${state}${plain ? '' : ` (${detail})`}${since}`
}
