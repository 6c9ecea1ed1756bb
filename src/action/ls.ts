import { seconds } from '../config/quantity.js'
import { age } from '../core/age.js'
import { Failure, fullMessage } from '../core/errors.js'
import { formatSize } from '../core/size.js'
import { columns } from '../core/table.js'
import { printable, printableMessage } from '../core/text.js'
import { pause } from '../sys/clock.js'
import { listVms, type Listed } from '../vm/list/list.js'
import type { Outside } from '../host/place.js'
import { hasMoves } from '../vm/record/record.js'
import { addressOf, listenText, portsText, spansOf, type Forward, type Span } from '../model/forward.js'
import { listColumns, listWords } from './commandrows.js'
import type { Command } from './verb.js'

const refreshMs = 1000

/** A machine under load may take long, and everybody waits for the slowest. */
const usualSeconds = 30

export const ls: Command = {
  help: `Lists every VM that has a record, a drawer or a drive: its state and since when, its memory, the ports of this machine that lead
into it, its drives. nbsvm alone does the same. What is wrong with one VM, or with a store, is told beside the list.

  nbsvm ls -c vm,state,pid    these columns: ${listColumns.join(', ')}
  nbsvm ls --json             an array of objects: id, class, name, state, pid, sinceMs, savedMs, memBytes, forwards, drives, template,
                              forkedFrom, image, fault; with -c only what its columns show
  nbsvm ls --watch            drawn again every second, until Ctrl-C
  nbsvm ls box1: box2:        those of other machines, by ssh; : is this one. One that is silent for ${usualSeconds} seconds (--timeout=SECONDS)
                              is told, the others are listed; the exit status is 1 then`,

  async run({ words, flags, note, out, outRaw, signal, isTerminal, outside }) {
    const { chosen, hosts } = listWords(words)
    const names = chosen?.split(',') as ColumnName[] | undefined
    const withImages = names?.includes('image') === true || (flags['json'] === true && chosen === undefined)
    const show = flags['json'] === true ? inJson(names) : table(names, hosts.includes(':') ? '' : (hosts[0] ?? ''))
    let failed = false
    const lookAll = async (tell: (text: string) => void): Promise<Listed[]> => {
      if (hosts.length === 0) return look(outside, tell, withImages)
      const { listMachine, listMachines } = await import('../vm/list/machines.js')
      const caller = { signal, note: tell, timeoutMs: 1000 * seconds.parse(String(flags['timeout'] ?? usualSeconds)) }
      const one = (host: string): Promise<Listed[]> =>
        host === ':' ? look(outside, tell, withImages) : listMachine(host.slice(0, -1), outside.place, caller)
      return listMachines(hosts, one, (fault) => {
        failed = true
        noteFault(fault, tell)
      })
    }
    if (flags['watch'] === undefined) {
      const vms = await lookAll(note)
      // Of a machine that did not answer nobody knows whether it has any.
      if (vms.length > 0 || !failed || flags['json'] === true) out(show(vms))
      return failed ? 1 : 0
    }
    while (!signal.aborted) {
      const notes: string[] = []
      const list = show(await lookAll((text) => void notes.push(printableMessage(text))))
      // What hides VMs is part of what is seen, where that is a screen.
      const text = isTerminal() ? [list, ...notes].join('\n') : list
      if (isTerminal()) outRaw(`${wipe}${printable(text)}`)
      else out(text)
      // Ctrl-C is how it ends.
      await pause(refreshMs, signal).catch(() => {})
    }
    return 0
  },
}

/** Cursor home, then erase from there to the end: no flicker. */
const wipe = '\u001B[H\u001B[J'

async function look(outside: Outside, note: (text: string) => void, withImages: boolean): Promise<Listed[]> {
  if (hasMoves(outside.place)) {
    const { movesInDoubt, sweepArrivals } = await import('../vm/move/removal.js')
    await sweepArrivals(outside).catch((fault: unknown) => noteFault(fault, note))
    for (const text of movesInDoubt(outside)) note(text)
  }
  const vms = await listVms(outside, (fault) => noteFault(fault, note), { withImages })
  for (const { id, fault } of vms) if (fault !== null) note(`${id}: ${fault}`)
  return vms
}

/** What may hide a VM is told beside the list. */
function noteFault(fault: unknown, note: (text: string) => void): void {
  note(`nbsvm: ${fullMessage(fault)}`)
  if (fault instanceof Failure) for (const hint of fault.hints) note(`  ${hint}`)
}

type ColumnName = (typeof listColumns)[number]

const usual: readonly ColumnName[] = ['vm', 'state', 'since', 'mem', 'ports', 'drives']

/** What a column shows, and the field of `--json` that it is made from. */
const column: Readonly<Record<ColumnName, readonly [field: keyof Listed, text: (vm: Listed) => string]>> = {
  vm: ['id', ({ id }) => id],
  state: ['state', ({ state, savedMs }) => (savedMs === null ? state : 'saved')],
  since: [
    'sinceMs',
    ({ sinceMs, savedMs }) => {
      const ms = savedMs ?? sinceMs
      return ms === null || !Number.isFinite(ms) ? '' : age(Date.now() - ms)
    },
  ],
  mem: ['memBytes', ({ memBytes }) => (memBytes === null ? '' : formatSize(memBytes))],
  ports: ['forwards', ({ forwards }) => spansOf(forwards).map(portText).join(' ')],
  drives: ['drives', ({ drives }) => drives.join(' ')],
  template: ['template', templateText],
  image: ['image', ({ image }) => image ?? ''],
  pid: ['pid', ({ pid }) => String(pid ?? '')],
  class: ['class', ({ class: vmClass }) => vmClass ?? ''],
  fault: ['fault', ({ fault }) => fault ?? ''],
}

/** `where`: the machine that a first VM would be made on, `box2:`. */
function table(chosen: readonly ColumnName[] | undefined, where: string): (vms: readonly Listed[]) => string {
  return (vms) => {
    if (vms.length === 0) return `no VMs yet; make one: nbsvm ${where}NAME image=debian newimg start ssh`
    const hasForks = vms.some((vm) => templateText(vm) !== '')
    const names = chosen ?? (hasForks ? [...usual, 'template' as const] : usual)
    const rows = vms.map((vm) => names.map((name) => column[name][1](vm) || '-'))
    return columns([names.map((name) => name.toUpperCase()), ...rows]).join('\n')
  }
}

/** One of forks is no template, mostly, and both are few: one column for them. */
function templateText({ template, forkedFrom }: Listed): string {
  const from = forkedFrom === null ? '' : `fork of ${forkedFrom}`
  if (template === null) return from
  const { ramBytes, forks } = template
  const count = forks.length === 0 ? '' : `, ${forks.length} ${forks.length === 1 ? 'fork' : 'forks'}`
  return `${formatSize(ramBytes)}${count}${from === '' ? '' : `, ${from}`}`
}

function inJson(names: readonly ColumnName[] | undefined): (vms: readonly Listed[]) => string {
  const fields = names?.map((name) => column[name][0])
  // A list of fields is what JSON.stringify would take for all depths.
  const pick = (vm: Listed): unknown =>
    fields === undefined ? vm : Object.fromEntries(fields.map((field) => [field, vm[field]]))
  return (vms) => JSON.stringify(vms.map(pick), undefined, 2)
}

/** With its address where that is not the loopback. */
function portText({ first, count }: Span<Forward>): string {
  const ports = portsText(first.hostPort, count)
  const host = addressOf(first) === addressOf({}) ? ports : listenText(first, ports)
  return `${host}->${portsText(first.guestPort, count)}${first.protocol === 'udp' ? '/udp' : ''}`
}
