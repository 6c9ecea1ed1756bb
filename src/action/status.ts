import { trimLog } from '../console/log.js'
import { formatSize } from '../core/size.js'
import { columns } from '../core/table.js'
import { statusOf, type Status } from '../vm/life/status.js'
import type { Verb } from './verb.js'

/** As systemctl says it: a VM that does not run is no error, and yet no success. */
const notRunning = 3

export const status: Verb = {
  help: `Tells the VM's state and since when, why it ended, its drives, their sizes and whether they run full, and the ports that lead into it. The exit status
is 0 for a VM that runs or is paused, 3 for one that does not run. nbsvm foo alone does the same.

  nbsvm foo status
  nbsvm foo status --json`,

  async run({ vm, flags, out, signal }) {
    trimLog(vm.drawer.consoleLog, vm.settings.log_size)
    const found = await statusOf(vm, { signal })
    out(flags['json'] === true ? JSON.stringify(found, undefined, 2) : describe(found))
    return found.state === 'running' || found.state === 'paused' ? 0 : notRunning
  },
}

function describe(found: Status): string {
  const { pid, memBytes, cpus, accelerator, machine, cpu, uuid, drives, forwards, taps, runAs } = found
  const rows: [string, string][] = [['state', stateLine(found)]]
  if (pid !== null) rows.push(['pid', runAs === null ? String(pid) : `${pid}, as ${runAs}`])
  rows.push([
    'machine',
    `${formatSize(memBytes)} RAM, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}${accelerator === null ? '' : `, ${accelerator}`}`,
  ])
  const board = [machine, cpu === null ? null : `CPU ${cpu}`].filter((text) => text !== null).join(', ')
  if (board !== '') rows.push(['board', board])
  if (uuid !== null) rows.push(['uuid', uuid])
  drives.forEach(({ name, virtualBytes, allocatedBytes, path, health }) => {
    rows.push(['drive', `${name}  ${formatSize(virtualBytes)}, ${formatSize(allocatedBytes)} on disk  ${path}`])
    if (health !== null && health.words !== '') rows.push(['', `  ${health.words}`])
    health?.hints.forEach((hint) => rows.push(['', `    ${hint}`]))
  })
  forwards.forEach(({ hostPort, guestPort, protocol }) =>
    rows.push(['port', `127.0.0.1:${hostPort} -> ${guestPort}/${protocol}`]),
  )
  if (taps.length > 0) rows.push(['taps', taps.join(' ')])
  rows.push(['drawer', found.drawer])
  return [found.id, ...columns(rows).map((line) => `  ${line}`)].join('\n')
}

function stateLine({ state, detail, sinceMs, ending }: Status): string {
  const since = sinceMs === null ? '' : ` since ${timeOf(sinceMs)}`
  if (ending !== null) return ending.kind === 'never-started' ? 'stopped; never started yet' : `stopped${since}: ${ending.words}`
  const plain = detail === null || detail === 'running' || detail === 'paused'
  return `${state}${plain ? '' : ` (${detail})`}${since}`
}

const two = (number: number): string => String(number).padStart(2, '0')

/** Local time as people read it: `2026-11-24 10:32:07`. */
function timeOf(ms: number): string {
  const date = new Date(ms)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
