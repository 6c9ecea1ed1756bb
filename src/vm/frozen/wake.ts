// A frozen guest goes on, in a QEMU that has its RAM from a file: as another VM, or as the one that it was.
import { Failure } from '../../core/errors.js'
import { wokenOf } from '../../qemu/frozen.js'
import { netdevId } from '../../qemu/device/nic.js'
import * as migration from '../../qemu/migration.js'
import { onOwnNetwork, asItsGuestSees } from '../../qemu/portable.js'
import { QmpError, type Qmp } from '../../qemu/qmp.js'
import { release } from '../../qemu/release.js'
import { shield } from '../../qemu/shield.js'
import type { Machine, RamFile } from '../../model/machine.js'
import { hostArch } from '../../sys/environment.js'
import { findProgram, giveTo, reflink, setMode, stat } from '../../sys/file.js'
import { linkNew } from '../../sys/link.js'
import { runOrFail } from '../../sys/process.js'
import type { Arriving } from '../life/helped.js'
import type { Plan } from '../life/plan.js'
import type { Frozen, FrozenFile, FrozenLive } from '../record/frozen.js'
import type { Vm } from '../record/vm.js'
import { digestOf, stampOf } from './digest.js'

/** Reading gigabytes of a slow disk is not QEMU's fault. */
const wakeTimeoutMs = 60_000

/** The first QEMU that can have the file of its RAM open for reading only, and let its guest write nevertheless. */
const readOnlySince = 8002

export interface Wake {
  readonly folder: string
  readonly frozen: Frozen
  readonly live: FrozenLive
  /** Whether another VM of it goes on: then nobody's cards may be heard before it has its own addresses. */
  readonly cutsLinks: boolean
  /** What is done when its state was taken in, before its guest goes on; it returns what undoes that, where QEMU says that it does not go on. */
  readonly onTaken?: () => () => void
}

/** Throws a Failure where a file of a state is not what was written. */
export async function requireWhole({ folder, live }: Pick<Wake, 'folder' | 'live'>, signal?: AbortSignal): Promise<void> {
  for (const name of ['ram', 'devices'] as const) {
    const file = `${folder}/${name}`
    const was: FrozenFile = live.files[name]
    if (stampOf(stat(file)) === was.stamp) continue
    const now = stat(file) === undefined ? undefined : await digestOf(file, signal)
    if (now?.sha256 !== was.sha256) throw new Failure(`${file} is not what was frozen`, { code: 'VM_DAMAGED' })
  }
}

/** How a VM is started that a frozen guest goes on in. */
export function arrivingFrom(vm: Vm, { folder, frozen, live, cutsLinks, onTaken }: Wake): Arriving {
  const isFork = frozen.vm !== vm.id
  let fd = 0
  let copies = false
  const shape = (plan: Plan): Machine => {
    requireQemu(plan.host, live, { isFork })
    const isReadOnly = release(plan.host.version) >= readOnlySince
    const wrapped =
      isReadOnly || plan.runAs.prefix.length > 0 || findProgram('perl') === undefined ? undefined : shield(hostArch())
    copies = !isReadOnly && wrapped === undefined
    const isOurs = plan.runAs.prefix.length === 0
    const ramFile: RamFile = { id: live.ramId, path: copies || !isOurs ? ownRam : `${folder}/ram`, use: 'copied', isReadOnly }
    const woken = wokenOf(plan.machine, live.machine, { ramFile, devices: `${folder}/devices` })
    fd = woken.fd
    return wrapped === undefined ? woken.machine : { ...woken.machine, prefix: [...woken.machine.prefix, ...wrapped] }
  }
  return {
    shape,
    passt: !onOwnNetwork(asItsGuestSees(live.machine)),
    seed: undefined,
    movable: undefined,
    sharesDrives: false,
    from: frozen.token,
    ...(isFork ? { forkedFrom: frozen.vm } : {}),
    prepare: async ({ runAs }) => {
      const own = `${vm.drawer.run}/${ownRam}`
      if (copies) {
        await copyRam(`${folder}/ram`, own)
        giveTo(own, runAs)
      } else if (runAs.prefix.length > 0) {
        // Nobody but those whom we give a name of it can reach it.
        setMode(`${folder}/ram`, 0o444)
        linkNew(`${folder}/ram`, own)
      }
    },
    wake: async (qmp) => {
      if (cutsLinks) await setLinks(qmp, live.machine, false)
      await migration.takeIn(qmp, fd, wakeTimeoutMs)
      const undo = onTaken?.()
      await (live.ran ? goOn(qmp, undo) : migration.openDrives(qmp))
    },
  }
}

async function goOn(qmp: Qmp, undo: (() => void) | undefined): Promise<void> {
  try {
    await qmp.execute('cont')
  } catch (error) {
    // Where no answer came it may have gone on.
    if (error instanceof QmpError) undo?.()
    throw error
  }
}

/** The file of its RAM in QEMU's own folder, where it has one there. */
const ownRam = 'ram'

async function copyRam(from: string, to: string): Promise<void> {
  if (!reflink(from, to)) await runOrFail('copy its RAM', ['cp', '--sparse=always', '--', from, to], { isPrivate: true })
}

/**
 * A template is for the very release of QEMU that made it. What a VM's own guest goes on from may be older: what a newer QEMU makes of
 * that is known for a machine type with a version.
 */
export function requireQemu(
  { version, machines }: Plan['host'],
  { qemu, machine }: FrozenLive,
  { isFork }: { readonly isFork: boolean },
): void {
  const [here, there] = [release(version), release(qemu)]
  if (machines.includes(machine.type) && (here === there || (!isFork && here > there))) return
  throw new Failure(`it was frozen in QEMU ${qemu}, on the board ${machine.type}, and this is QEMU ${version}`, {
    code: 'QEMU_REFUSED',
    hints: [isFork ? 'freeze it again' : 'install a QEMU that is as new'],
  })
}

/** Plugs or unplugs the cables of all its cards: at the host's end, which a guest's state says nothing of. */
export async function setLinks(qmp: Qmp, { nics }: Pick<Machine, 'nics'>, up: boolean): Promise<void> {
  const count = 'words' in nics ? 0 : nics.length
  for (let index = 0; index < count; index++) await qmp.execute('set_link', { name: netdevId(index), up })
}
