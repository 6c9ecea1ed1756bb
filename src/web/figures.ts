// What a running VM takes, once a second, for those whom somebody looks at: from /proc, from QEMU, and from
// its taps; where it has none its guest's agent counts what goes over the network.
import type { Traffic } from '../guest/facts.js'
import { hasAgent } from '../qemu/device/port.js'
import { withQmp } from '../qemu/qmp.js'
import { readText } from '../sys/file.js'
import { statFields } from '../sys/process.js'
import { monotonicMs } from '../sys/clock.js'
import { trafficOf } from '../vm/life/agent.js'
import { readAdded } from '../vm/record/added.js'
import type { Drawer } from '../vm/record/drawer.js'
import { qemuPid } from '../vm/record/state.js'
import type { Vm } from '../vm/record/vm.js'
import type { WatchFigures } from './protocol.js'

export interface FiguresWatch {
  /** Calls `tell` with the figures of these VMs from now on, in place of those before; of none ends it. */
  readonly follow: (follower: object, ids: readonly string[], tell: (figures: WatchFigures) => void) => void
  readonly close: () => void
}

const everyMs = 1000
const qmpTimeoutMs = 900
/** /proc counts in hundredths of a second for programs, whatever the kernel does (proc(5), USER_HZ). */
const ticksPerSecond = 100

interface Follower {
  readonly ids: readonly string[]
  readonly tell: (figures: WatchFigures) => void
}

/** One look a second at each VM, for however many follow it. `find` comes to undefined for what is no VM here. */
export function createFigures(find: (id: string) => Promise<Vm | undefined>): FiguresWatch {
  const followers = new Map<object, Follower>()
  const before = new Map<string, Counters>()
  const busy = new Set<string>()
  const look = async (id: string): Promise<void> => {
    if (busy.has(id)) return
    busy.add(id)
    try {
      const vm = await find(id)
      const now = vm === undefined ? undefined : await countersOf(vm)
      if (now === undefined) before.delete(id)
      else {
        const figures = figuresOf(id, now, before.get(id))
        before.set(id, now)
        for (const { ids, tell } of followers.values()) if (ids.includes(id)) tell(figures)
      }
    } catch {
      // It ended while it was looked at.
      before.delete(id)
    } finally {
      busy.delete(id)
    }
  }
  let timer: NodeJS.Timeout | undefined
  const lookAtAll = (): void => {
    for (const id of new Set([...followers.values()].flatMap(({ ids }) => ids))) void look(id)
  }
  const end = (): void => {
    clearInterval(timer)
    timer = undefined
    before.clear()
  }
  return {
    follow: (follower, ids, tell) => {
      if (ids.length === 0) followers.delete(follower)
      else followers.set(follower, { ids, tell })
      if (followers.size === 0) end()
      else timer ??= setInterval(lookAtAll, everyMs)
    },
    close: () => {
      followers.clear()
      end()
    },
  }
}

/** What has been counted since a QEMU began. */
export interface Counters {
  readonly pid: number
  readonly atMs: number
  /** The same moment by a clock that nobody sets. */
  readonly monotonicMs: number
  readonly cpuTicks: number | undefined
  readonly residentBytes: number | undefined
  readonly memBytes: number | undefined
  readonly readBytes: number | undefined
  readonly writtenBytes: number | undefined
  readonly receivedBytes: number | undefined
  readonly sentBytes: number | undefined
}

async function countersOf(vm: Vm): Promise<Counters | undefined> {
  const { drawer } = vm
  const pid = qemuPid(drawer)
  if (pid === undefined) return undefined
  const asked = await askQemu(drawer).catch(() => undefined)
  const net = tapBytes(drawer) ?? (asked?.hasAgent === true ? await trafficOf(vm) : undefined)
  return {
    pid,
    atMs: Date.now(),
    monotonicMs: monotonicMs(),
    cpuTicks: ticksIn(readText(`/proc/${pid}/stat`) ?? ''),
    residentBytes: residentIn(readText(`/proc/${pid}/status`) ?? ''),
    memBytes: asked?.memBytes,
    readBytes: asked?.readBytes,
    writtenBytes: asked?.writtenBytes,
    receivedBytes: net?.receivedBytes,
    sentBytes: net?.sentBytes,
  }
}

async function askQemu(drawer: Drawer) {
  return withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, async (session) => {
    const [blocks, ports, balloon] = await Promise.all([
      session.execute('query-blockstats'),
      session.execute('query-chardev'),
      session.execute('query-balloon').catch(() => undefined),
    ])
    const sum = (name: 'rd_bytes' | 'wr_bytes'): number => blocks.reduce((bytes, { stats }) => bytes + stats[name], 0)
    const isThere = hasAgent(ports, readAdded(drawer).adopted)
    return { readBytes: sum('rd_bytes'), writtenBytes: sum('wr_bytes'), memBytes: balloon?.actual, hasAgent: isThere }
  })
}

/** The two times of /proc/PID/stat together: fields 14 and 15. */
export function ticksIn(text: string): number | undefined {
  const fields = statFields(text)
  const ticks = Number(fields[11]) + Number(fields[12])
  return Number.isSafeInteger(ticks) ? ticks : undefined
}

function residentIn(text: string): number | undefined {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

/** What its taps have carried; undefined for a VM that has none. */
function tapBytes({ taps }: Drawer): Traffic | undefined {
  const names = (readText(taps) ?? '').split('\n').filter((name) => /^[\w.-]{1,15}$/.test(name))
  if (names.length === 0) return undefined
  const sum = (what: string): number =>
    names.reduce((bytes, tap) => bytes + Number(readText(`/sys/class/net/${tap}/statistics/${what}`) ?? 0), 0)
  // What goes into a tap comes out of the guest.
  return { receivedBytes: sum('tx_bytes'), sentBytes: sum('rx_bytes') }
}

/** The rates between two looks at the same QEMU. Pure. */
export function figuresOf(id: string, now: Counters, before: Counters | undefined): WatchFigures {
  const last = before?.pid === now.pid ? before : undefined
  const seconds = last === undefined ? 0 : (now.monotonicMs - last.monotonicMs) / 1000
  const rate = (name: 'cpuTicks' | 'readBytes' | 'writtenBytes' | 'receivedBytes' | 'sentBytes'): number | null => {
    const [from, to] = [last?.[name], now[name]]
    // A drive that was taken away takes what it counted along.
    return from === undefined || to === undefined || seconds <= 0 ? null : Math.max(0, to - from) / seconds
  }
  const ticks = rate('cpuTicks')
  return {
    kind: 'figures',
    id,
    atMs: now.atMs,
    cpus: ticks === null ? null : ticks / ticksPerSecond,
    residentBytes: now.residentBytes ?? null,
    memBytes: now.memBytes ?? null,
    diskRead: rate('readBytes'),
    diskWrite: rate('writtenBytes'),
    netReceive: rate('receivedBytes'),
    netSend: rate('sentBytes'),
  }
}
