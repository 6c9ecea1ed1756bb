// From settings to the machine that QEMU is asked for.
import type { Caller } from '../../core/caller.js'
import type { Settings } from '../../config/settings.js'
import { Failure } from '../../core/errors.js'
import { hasPasst, passtHelper } from '../../net/passt.js'
import { planNics } from '../../net/plan.js'
import { bridgeMtu, canMakeTaps, isTunOpen } from '../../net/tap.js'
import { handOver, handSeed, handVhost, vhostDevice } from '../../qemu/handover.js'
import { hostFacts, type HostFacts } from '../../host/facts.js'
import { inOwnFolder } from '../../model/blocknode.js'
import type { Drive, Image } from '../../model/drive.js'
import type { Arch } from '../../model/guest.js'
import type { Helper } from '../../model/helper.js'
import type { Firmware, Machine, Words } from '../../model/machine.js'
import { commonCpu, isOfThisHost } from '../../qemu/cpu.js'
import { agentPort } from '../../qemu/device/port.js'
import { keeper } from '../../qemu/keeper.js'
import { withFullPaths } from '../../qemu/path.js'
import { ramPadBytes } from '../../qemu/ram.js'
import { qemuFiles } from '../../qemu/socket.js'
import { hostArch, isRoot } from '../../sys/environment.js'
import { canOpen, hereFull } from '../../sys/file.js'
import { archOf, firmwareOf, hasTpm, requireArch } from '../record/choice.js'
import { macOf } from '../record/identity.js'
import { needsPort, seedKind, sshForward } from '../record/seed.js'
import { memBytesOf } from '../record/memory.js'
import { draftRecord, readRecord, type Accelerator, type MachineRecord } from '../record/record.js'
import { anyVmsUser, type RunAs } from '../../host/runas.js'
import { storeOf } from '../record/stores.js'
import { runFolder } from '../record/drawer.js'
import type { NewVariables } from './nvram.js'
import type { PlannedShares } from './shares.js'
import { tapOf } from './taps.js'
import { userOf } from '../record/user.js'
import type { Vm } from '../record/vm.js'

/** A machine and what it was made from. */
export interface Plan {
  readonly machine: Machine
  readonly host: HostFacts
  readonly runAs: RunAs
  /** The VM's record, or the one that it would get now. */
  readonly record: MachineRecord
  /** The variables of its UEFI, where they have to be made first. */
  readonly newVariables?: NewVariables
  /** What runs beside QEMU, in the order of their start. */
  readonly helpers: readonly Helper[]
}

/**
 * Works out the machine that `start` would start now: nothing is made or changed. `options` are those behind `start`; with
 * `passt: false` the user network is QEMU's own, also where passt is installed, and with `virtiofs: false` it serves shares itself.
 */
export async function planMachine(
  vm: Vm,
  options: Words,
  { passt = true, virtiofs = true } = {},
  { signal }: Caller = {},
): Promise<Plan> {
  const { settings, id } = vm
  const user = userOf(vm)
  const { prefix } = user
  const record = readRecord(vm.place, id) ?? draftRecord(vm)
  requireArch(vm, record)
  const arch = archOf(settings, record)
  const host = await hostFacts({
    program: settings.qemu,
    arch,
    cacheFile: vm.place.hostCache,
    // Found out once, for all of root's VMs.
    qemuUser: prefix.length > 0 ? (user.isOwn ? anyVmsUser() : user) : undefined,
    signal,
  })
  requireKvm(vm, arch, host)
  const accelerator = settings.accel ?? (host.kvm.works ? 'kvm' : 'tcg')
  const args = [...(settings.args ?? []), ...withFullPaths(options, hereFull)]
  const type = settings.machine ?? pinnedMachine(vm, record, host) ?? host.machine
  const { firmware, newVariables } = await uefiOf(vm, record, { arch, type, program: host.path })
  const { shares, helpers: servers } = await sharesOf(vm, user, virtiofs)
  const machine: Machine = {
    id,
    prefix,
    program: host.path,
    arch,
    type,
    accelerator,
    cpu: cpuOf(vm, record, accelerator, arch),
    ...plainParts(settings),
    memBytes: memBytesOf(vm, record),
    ...padOf(accelerator, host),
    // virtiofsd reads and writes the guest's RAM.
    ram: shares.some(({ by }) => by === 'virtiofs') ? 'shared' : settings.ram,
    shares,
    uuid: record.uuid,
    generation: record.generation,
    tpm: hasTpm(vm),
    ...(await openedFor(vm, prefix.length > 0, firmware)),
    aio: settings.aio ?? (host.ioUring ? 'io_uring' : 'threads'),
    // QEMU takes one; the user's own is the one.
    balloon: settings.balloon === 'yes' && !args.some((word) => word.includes('virtio-balloon')),
    // The same: of two ports of that name a guest would take either.
    agent: !args.some((word) => word.includes(agentPort)),
    nics: nicsOf(vm, record, { hasNoRights: prefix.length > 0, mayUsePasst: passt && !isRoot() && hasPasst(host.version) }),
    args,
  }
  const usesVhost = settings.vhost === 'yes' && accelerator === 'kvm' && canOpen(vhostDevice)
  const seeded = { ...machine, ...seedFor(vm, record, machine) }
  return {
    machine: usesVhost ? { ...seeded, ...handVhost(seeded) } : seeded,
    host,
    runAs: user,
    record,
    ...(newVariables === undefined ? {} : { newVariables }),
    helpers: [...servers, ...(await helpersOf(vm, machine))],
  }
}

function padOf(accelerator: Accelerator, { version }: HostFacts): Pick<Machine, 'ramPadBytes'> {
  const pad = ramPadBytes(accelerator, version)
  return pad === undefined ? {} : { ramPadBytes: pad }
}

function requireKvm({ id, call, settings }: Vm, arch: Arch, { kvm }: HostFacts): void {
  if (settings.accel !== 'kvm' || arch === hostArch()) return
  throw new Failure(`cannot start ${id} with accel=kvm: ${kvm.why}`, {
    code: 'NOT_INSTALLED',
    hints: [`leave accel out: ${call} start`],
  })
}

/** The UEFI of a VM that has one; only then is looked for it. */
async function uefiOf(
  vm: Vm,
  record: MachineRecord,
  board: { readonly arch: Arch; readonly type: string; readonly program: string },
): Promise<{ readonly firmware?: Firmware; readonly newVariables?: NewVariables }> {
  const kind = firmwareOf(vm.settings, record)
  if (kind === 'bios') return {}
  const { planUefi } = await import('./nvram.js')
  return planUefi(vm, { kind, ...board })
}

/** The word for `-cpu`. TCG has nothing of Hyper-V's: of its enlightenments it ignores some, and ends by others. */
function cpuOf({ settings }: Vm, record: MachineRecord, accelerator: Accelerator, arch: Arch): string {
  const own = record.cpu?.[accelerator] ?? (accelerator === 'kvm' ? 'host' : emulated[arch])
  const moves = settings.movable === 'yes' && isOfThisHost(own)
  const word = settings.cpu ?? (moves ? (commonCpu(arch, record.image?.traits.cpu) ?? own) : own)
  return accelerator === 'kvm' ? word : word.replaceAll(/,hv[-_][^,]*/g, '')
}

/** The CPU under TCG: all that QEMU can do, but for what would make it slow (QARMA) or what 7.2 has no word for. */
const emulated: Readonly<Record<Arch, string>> = { x86_64: 'max', aarch64: 'max,pauth-impdef=on', riscv64: 'rv64' }

/** What settings alone decide. */
function plainParts({ smp, rtc, drive_if, iothread, display, usb }: Settings) {
  return {
    cpus: smp,
    clock: rtc,
    driveInterface: drive_if,
    iothreads: iothread === 'yes',
    ...(display === undefined ? {} : { display }),
    ...(usb === undefined ? {} : { usb }),
  }
}

/** The machine type of the VM's first start. Throws a Failure where QEMU has it no more. */
function pinnedMachine(vm: Vm, { machine }: MachineRecord, host: HostFacts): string | undefined {
  if (machine === undefined || host.machines.length === 0 || host.machines.includes(machine)) return machine
  throw new Failure(`cannot start ${vm.id}: QEMU ${host.version} no longer has its machine type, ${machine}`, {
    code: 'QEMU_REFUSED',
    hints: [
      `give it the newest, which its guest sees as new hardware: ${vm.call} machine=${host.machine} start`,
      `for good: machine=${host.machine} in ${settingsFile(vm)}`,
      `or run it with a QEMU that has it: ${vm.call} qemu=PATH start`,
    ],
  })
}

function settingsFile({ place, id }: Vm): string {
  return `${place.config.userFolder}/${id}.vm`
}

/** Logs, drives, discs and the variables of its UEFI as QEMU finds them: by path, or as open descriptors where it has given up the right to open them. */
async function openedFor(
  vm: Vm,
  givesDrives: boolean,
  firmware: Firmware | undefined,
): Promise<Pick<Machine, 'drives' | 'discs' | 'handed' | 'logs' | 'firmware'>> {
  const { id, settings, drawer } = vm
  const logs = { console: drawer.consoleFifo, events: drawer.eventsFifo }
  const discs = await discsOf(settings.cdrom ?? [])
  if (settings.drives !== undefined) {
    return { ...handOver(logs, { drives: [], discs }, { givesDrives, firmware }), drives: { words: settings.drives } }
  }
  const store = await storeOf(vm)
  const drives = (await store.drives(id)).map(asQemuSees)
  return handOver(logs, { drives, discs }, { givesDrives, layers: store.layers, firmware })
}

function asQemuSees(drive: Drive): Drive {
  return { ...drive, image: inOwnFolder(drive.image) }
}

/** Few VMs have any: the code is loaded for those. */
async function sharesOf(vm: Vm, user: RunAs, virtiofs: boolean): Promise<PlannedShares> {
  const { share = [] } = vm.settings
  if (share.length === 0) return { shares: [], helpers: [] }
  const { planShares } = await import('./shares.js')
  return planShares(vm, share, user, { virtiofs })
}

/** The same for discs. */
async function discsOf(names: readonly string[]): Promise<Image[]> {
  if (names.length === 0) return []
  const { discImage } = await import('./discs.js')
  return names.map(discImage)
}

/** What tells the guest who it is, where anything does; the file is written by `start`. */
function seedFor({ settings, drawer }: Vm, record: MachineRecord, machine: Machine): Partial<Machine> {
  const kind = seedKind(settings, record)
  if (kind === 'none') return {}
  if (kind === 'ignition') return { seed: { kind, path: 'ignition.json' } }
  return handSeed(machine, drawer.seed, { givesDrives: machine.prefix.length > 0 })
}

function nicsOf(
  { settings, id }: Vm,
  record: MachineRecord,
  { hasNoRights, mayUsePasst }: { hasNoRights: boolean; mayUsePasst: boolean },
): Machine['nics'] {
  if (settings.network !== undefined) return { words: settings.network }
  const leadsIn = seedKind(settings, record) !== 'none' && needsPort(settings)
  const forward = leadsIn ? [...(settings.forward ?? []), sshForward(record)] : settings.forward
  return planNics(
    { ...settings, forward },
    {
      macOf: (index) => macOf(record, index),
      tapOf: (index) => tapOf(id, index),
      mtuOf: bridgeMtu,
      prefersTap: isRoot() && canMakeTaps() && (!hasNoRights || isTunOpen()),
      ...(mayUsePasst ? { passt: qemuFiles.passt } : {}),
    },
  )
}

/** A passt for each network card that it serves (there is one at most), swtpm, and the log keeper. */
async function helpersOf(vm: Vm, { nics, tpm, prefix }: Machine): Promise<Helper[]> {
  const { id, settings } = vm
  const backends = 'words' in nics ? [] : nics.map(({ backend }) => backend)
  const passts = backends.flatMap((backend) =>
    backend.kind === 'passt' ? [passtHelper({ socket: `${runFolder}/${backend.socket}`, forwards: backend.forwards })] : [],
  )
  const tpms = tpm ? [(await import('./tpm.js')).planTpm(vm, { prefix })] : []
  return [...passts, ...tpms, keeper({ id, logBytes: settings.log_size })]
}
