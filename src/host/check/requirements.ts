// What the settings require of this machine: those of the environment, of every class file and of every VM's file.
import { describeOrigin, type Folded } from '../../config/fold.js'
import { loadSettings } from '../../config/layers.js'
import type { SettingName } from '../../config/settings.js'
import { Failure, messageOf } from '../../core/errors.js'
import { hostArch } from '../../sys/environment.js'
import { list } from '../../sys/file.js'
import type { Outside } from '../place.js'
import { bad, good, type Finding } from './finding.js'

/** One requirement, and where it comes from. */
export interface Requirement {
  readonly setting: 'accel' | 'bridge' | 'ceph' | 'firmware' | 'pool' | 'qemu' | 'run_as' | 'tpm' | 'vg' | 'viewer'
  /** `kvm`, a bridge, `{"pool":"vms"}`, `secure x86_64`, `VG/POOL`, a program, a user, `yes`, a volume group. */
  readonly value: string
  /** `vg=vg0 in /etc/nbsvm/default.class:3` */
  readonly by: string
  /** A VM without files of its own has it too. */
  readonly isGeneral: boolean
}

export interface Requirements {
  /** Each requirement once, those of a VM without files of its own first. */
  readonly requirements: readonly Requirement[]
  /** What can be said of the settings files themselves. */
  readonly findings: readonly Finding[]
}

/** Reads every settings file that there is. */
export async function readRequirements(outside: Outside): Promise<Requirements> {
  const { userFolder, systemFolder } = outside.place.config
  const folders = [...new Set([userFolder, systemFolder].filter((folder) => folder !== undefined))]
  const files = folders.flatMap((folder) => list(folder).filter((name) => /.\.(?:class|vm)$/.test(name)))
  const requirements = new Map<string, Requirement>()
  const faults = new Map<string, Finding>()
  for (const [vm, vmClass] of subjects(files, outside.vmClass)) {
    try {
      const isGeneral = vm === undefined && vmClass === outside.vmClass
      for (const requirement of requirementsOf(await load(outside, vm, vmClass), isGeneral)) {
        const key = `${requirement.setting} ${requirement.value}`
        if (!requirements.has(key)) requirements.set(key, requirement)
      }
    } catch (error) {
      const [hint] = error instanceof Failure ? error.hints : []
      faults.set(messageOf(error), bad('settings', messageOf(error), hint))
    }
  }
  const where = `${files.length} ${files.length === 1 ? 'file' : 'files'} in ${folders.join(' and ')}`
  return {
    requirements: [...requirements.values()],
    findings: faults.size > 0 ? [...faults.values()] : [good('settings', where)],
  }
}

/** Whose settings are read: a VM of no class, or of the one that this call chooses; one of each class; each VM with a file. */
function subjects(
  files: readonly string[],
  ownClass: string | undefined,
): [vm: string | undefined, vmClass: string | undefined][] {
  const names = (ending: string): string[] =>
    [...new Set(files.filter((file) => file.endsWith(ending)))].map((file) => file.slice(0, -ending.length))
  const classes = names('.class').filter((name) => name !== 'default')
  const vms = names('.vm').map((id): [string, string | undefined] => {
    const vmClass = classes.filter((name) => id.startsWith(`${name}-`)).toSorted((a, b) => b.length - a.length)[0]
    return [vmClass === undefined ? id : id.slice(vmClass.length + 1), vmClass]
  })
  return [[undefined, ownClass], ...classes.map((name): [undefined, string] => [undefined, name]), ...vms]
}

function load({ place, environment, line }: Outside, vm: string | undefined, vmClass: string | undefined): Promise<Folded> {
  // A file may use $vm and $drawer; a class file alone has none to show.
  const drawer = `${place.state}/${vm ?? 'VM'}`
  return loadSettings({ folders: place.config, vm, vmClass, drawer, commandLine: line, environment })
}

function requirementsOf({ settings, texts, origins }: Folded, isGeneral: boolean): Requirement[] {
  const { accel, arch, bridge, ceph_conf: conf, ceph_user, firmware, pool, qemu, run_as: user, store, tpm, vg, viewer } = settings
  const requirement = (
    setting: Requirement['setting'],
    value: string,
    named: SettingName = setting === 'ceph' ? 'store' : setting,
  ): Requirement => {
    const text = [texts[named] ?? ''].flat().join(' ')
    return { setting, value, by: `${named}=${text} in ${describeOrigin(origins[named])}`, isGeneral }
  }
  const isOwn = arch === undefined || arch === hostArch()
  const boots = firmware ?? (isOwn ? 'bios' : 'uefi')
  const usesLvm = store === 'lvm' || (store === undefined && vg !== undefined)
  return [
    ...(accel === 'kvm' ? [requirement('accel', 'kvm')] : []),
    ...(qemu === undefined ? [] : [requirement('qemu', qemu)]),
    ...(qemu !== undefined || arch === undefined || isOwn ? [] : [requirement('qemu', `qemu-system-${arch}`, 'arch')]),
    ...(boots === 'bios'
      ? []
      : [requirement('firmware', `${boots} ${arch ?? hostArch()}`, firmware === undefined ? 'arch' : 'firmware')]),
    ...(tpm === 'yes' ? [requirement('tpm', 'yes')] : []),
    ...(user === undefined ? [] : [requirement('run_as', user)]),
    ...(viewer?.[0] === undefined ? [] : [requirement('viewer', viewer[0])]),
    ...(bridge ?? []).map((name) => requirement('bridge', name)),
    ...(usesLvm ? [requirement('vg', vg ?? '', vg === undefined ? 'store' : 'vg')] : []),
    ...(store === 'rbd' ? [requirement('ceph', JSON.stringify({ pool, conf, user: ceph_user }))] : []),
    ...(usesLvm && vg !== undefined && pool !== undefined ? [requirement('pool', `${vg}/${pool}`)] : []),
  ]
}

/** What a VM without files of its own requires of one setting. */
export function generalRequirement(
  requirements: readonly Requirement[],
  setting: Requirement['setting'],
): Requirement | undefined {
  return requirements.find((requirement) => requirement.setting === setting && requirement.isGeneral)
}

/** The requirements of one setting. */
export function requirementsFor(requirements: readonly Requirement[], setting: Requirement['setting']): Requirement[] {
  return requirements.filter((requirement) => requirement.setting === setting)
}
