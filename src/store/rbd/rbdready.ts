// Whether a drive can be used: Ceph lets two QEMUs write to one image, which ruins what is in it, so one that somebody has open is refused.
import { Failure, messageOf } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { quoteWords } from '../../core/words.js'
import type { Drive } from '../../model/drive.js'
import { fateOf } from '../../sys/mark.js'
import type { Held } from '../store.js'
import { fenceCommand, fencedSeconds, machineOf, type Watcher } from './fence.js'
import { ask, type Cluster } from './rbdcall.js'
import { watchers } from './rbdimage.js'
import { sweep } from './rbdjob.js'
import { lastRun, noteRun, type Run, takeLease } from './rbdrun.js'

type OnNote = ((text: string) => void) | undefined

/** Ceph asks a client that is silent for so long no more. */
const forgottenAfterSeconds = 30

/** Makes sure that nobody has the drives of a VM that starts, and that nobody else starts it until that has happened. */
export async function makeReady(cluster: Cluster, drives: readonly Drive[], onNote?: OnNote): Promise<Held | undefined> {
  const id = parseDriveName(drives[0]?.name ?? '')?.id
  if (id === undefined) return undefined
  const endLease = await takeLease(cluster, id)
  try {
    // One that is between two names gets its own back.
    if (drives.some(({ fault }) => fault !== undefined)) await sweep(cluster, onNote)
    await Promise.all(drives.map((drive) => refuseUsed(cluster, `start ${id}`, drive, onNote)))
  } catch (error) {
    await endLease()
    throw error
  }
  return {
    end: async (pid) => {
      try {
        if (pid !== undefined) await noteStarted(cluster, id, pid, drives)
      } finally {
        await endLease()
      }
    },
  }
}

async function noteStarted(cluster: Cluster, id: string, pid: number, drives: readonly Drive[]): Promise<void> {
  await noteRun(cluster, id, { pid, addresses: await addressesOf(cluster, id, drives) })
}

async function addressesOf(cluster: Cluster, id: string, drives: readonly Drive[]): Promise<string[]> {
  const seen = await Promise.all(drives.map(({ name }) => watchers(cluster, `write down who runs ${id}`, name)))
  return [...new Set(seen.flat().map(({ address }) => address))]
}

/** Writes down that a VM has come here. The QEMU that it left may have its drives open for a moment still. */
export async function noteMoved(cluster: Cluster, drives: readonly Drive[], pid: number): Promise<void> {
  const id = parseDriveName(drives[0]?.name ?? '')?.id
  if (id === undefined) return
  const [left, all] = await Promise.all([lastRun(cluster, id), addressesOf(cluster, id, drives)])
  await noteRun(cluster, id, { pid, addresses: all.filter((address) => left?.addresses.includes(address) !== true) })
}

/**
 * Throws a Failure where somebody has a drive open: who, since when, and how he is shut out. A QEMU of this machine that has died without
 * a word, whom Ceph takes for alive for a while, is shut out at once.
 */
export async function refuseUsed(cluster: Cluster, doing: string, { name }: Pick<Drive, 'name'>, onNote?: OnNote): Promise<void> {
  const seen = await watchers(cluster, doing, name)
  if (seen.length === 0) return
  const run = await lastRun(cluster, parseDriveName(name)?.id ?? name)
  for (const watcher of seen) {
    const why = isDead(watcher, run) ? await shutOut(cluster, watcher) : ''
    if (why === undefined) onNote?.(`${name} was held by its last QEMU, which is dead: Ceph shuts that out from now on`)
    else throw usedBy({ doing, name, watcher, run, why })
  }
}

/** Whether that is a QEMU of this machine that is gone. */
function isDead({ address }: Watcher, run: Run | undefined): boolean {
  return run !== undefined && run.addresses.includes(address) && fateOf(run.mark) === 'ended'
}

/** Shuts a client out for good. Returns why that could not be. */
async function shutOut(cluster: Cluster, watcher: Watcher): Promise<string | undefined> {
  try {
    await ask(cluster, `shut ${watcher.client} out`, fenceCommand(watcher, fencedSeconds))
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

interface Use {
  readonly doing: string
  readonly name: string
  readonly watcher: Watcher
  readonly run: Run | undefined
  readonly why: string
}

function usedBy({ doing, name, watcher, run, why }: Use): Failure {
  const { client, address } = watcher
  const id = parseDriveName(name)?.id ?? name
  const known = run?.addresses.includes(address) === true ? run : undefined
  const since = known === undefined ? '' : `, which runs ${id} on ${known.host} since ${time(known.sinceMs)}`
  // Each drive of a VM is a client of its own.
  const all = (known?.addresses ?? [address]).map((one) => quoteWords(fenceCommand({ address: one }, 3600)))
  const words = `cannot ${doing}: ${name} is in use by ${client} at ${machineOf(watcher)}${since}`
  return new Failure(why === '' ? words : `${words}; ${why}`, {
    code: 'DRIVE_IN_USE',
    hints: [
      `end it there, if it runs: nbsvm ${id} shutdown`,
      `if it is dead, Ceph forgets it within ${forgottenAfterSeconds} s; to shut it out at once, whatever it still wants to write:`,
      ...all.map((command) => `  ${command}`),
    ],
  })
}

function time(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
}

/** Who has a drive open, in words that follow "is". */
export async function usersOf(cluster: Cluster, { name }: Pick<Drive, 'name'>): Promise<string[]> {
  const seen = await watchers(cluster, `see who has ${name}`, name)
  return seen.map((watcher) => `in use by ${watcher.client} at ${machineOf(watcher)}`)
}
