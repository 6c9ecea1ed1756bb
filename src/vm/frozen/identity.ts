// What makes the guest of a fork another than the one that it was.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { hostnameOf } from '../../guest/seed.js'
import { hostForward, listening } from '../../qemu/device/nic.js'
import { withQmp } from '../../qemu/qmp.js'
import { renewIdentity } from '../life/renew.js'
import { readStarted } from '../life/started.js'
import { hostKeyOf } from '../life/seeding.js'
import { noteAdded } from '../record/added.js'
import type { FrozenLive } from '../record/frozen.js'
import { macOf } from '../record/identity.js'
import { readRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import { setLinks } from './wake.js'

const qmpTimeoutMs = 5000

/** Tells the guest of a fork, whose links are cut, who it is; they are back when this resolves. Rejects as `renewIdentity` does. */
export async function makeAnother(vm: Vm, { machine }: FrozenLive, caller: Caller): Promise<void> {
  const { place, id, name, drawer } = vm
  const record = readRecord(place, id)
  if (record === undefined) throw new Failure(`there is no record of ${id}`, { code: 'VM_MISSING' })
  const nics = 'words' in machine.nics ? [] : machine.nics
  const identity = {
    hostname: hostnameOf(name),
    machineId: record.uuid.replaceAll('-', ''),
    hostKey: hostKeyOf(vm),
    macs: nics.map(({ mac }, index) => ({ from: mac, to: macOf(record, index) })),
  }
  const restoreLinks = (): Promise<void> =>
    withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => setLinks(qmp, machine, true))
  const { addresses } = await renewIdentity(vm, identity, { restoreLinks }, caller)
  const first = addresses.find((card) => card.mac === identity.macs[0]?.to)
  if (first !== undefined) await leadPorts(vm, first.address)
}

/** QEMU's own network gives a card with another address another one of IPv4, and leads ports to the first that it gives. */
async function leadPorts(vm: Vm, address: string): Promise<void> {
  const { nics } = readStarted(vm).machine
  const backend = 'words' in nics ? undefined : nics[0]?.backend
  if (backend?.kind !== 'user') return
  noteAdded(vm.drawer, { address })
  await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs }, async (qmp) => {
    for (const forward of backend.forwards) {
      for (const line of [`hostfwd_remove ${listening(forward)}`, `hostfwd_add ${hostForward(forward, address)}`])
        await qmp.execute('human-monitor-command', { 'command-line': line })
    }
  })
}
