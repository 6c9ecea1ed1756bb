// LVM and the volume groups and pools that settings name.
import { formatSize } from '../../core/size.js'
import { reportOptions } from '../../store/lvm/volumes.js'
import { isRoot } from '../../sys/environment.js'
import { findProgram, readText, stat } from '../../sys/file.js'
import { run } from '../../sys/process.js'
import { requirementsFor, type Requirement } from './requirements.js'
import { answerTimeoutMs, bad, good, install, lacking, type Finding } from './finding.js'
import { canSudo } from './host.js'

interface Group {
  readonly vg_name: string
  /** In bytes. */
  readonly vg_size: string
  readonly vg_free: string
}

interface Volume {
  readonly vg_name: string
  readonly lv_name: string
  /** `thin,pool` for a pool. */
  readonly lv_layout: string
}

export async function checkLvm(requirements: readonly Requirement[]): Promise<Finding[]> {
  const groups = requirementsFor(requirements, 'vg')
  const pools = requirementsFor(requirements, 'pool')
  if (findProgram('lvs') === undefined) {
    const missing = groups.length === 0 ? lacking : bad
    return [missing('lvm', ['not installed', ...bys(groups)].join(' '), install('lvm'))]
  }
  const found = await look()
  if (typeof found === 'string') return [lacking('lvm', found, 'as root, or after sudo -v: nbsvm doctor'), ...unseen(groups)]
  const text = found.groups
    .map(({ vg_name, vg_size, vg_free }) => `${vg_name} ${size(vg_size)} (${size(vg_free)} free)`)
    .join(', ')
  return [
    judgeKernel(text, groups),
    ...groups.map((requirement) => judgeGroup(requirement, found.groups)),
    ...pools.map((requirement) => judgePool(requirement, found.volumes)),
  ]
}

const bys = (requirements: readonly Requirement[]): string[] => requirements.slice(0, 1).map(({ by }) => `(${by})`)

const size = (bytes: string): string => formatSize(Number(bytes))

/** Asks LVM as root; in words why that cannot be. */
async function look(): Promise<{ groups: readonly Group[]; volumes: readonly Volume[] } | string> {
  if (!isRoot() && !(await canSudo())) return 'only root sees volume groups, and sudo wants a password'
  const [groups, volumes] = await Promise.all([
    report('vgs', 'vg_name,vg_size,vg_free'),
    report('lvs', 'vg_name,lv_name,lv_layout'),
  ])
  if (typeof groups === 'string') return groups
  if (typeof volumes === 'string') return volumes
  return { groups: groups as readonly Group[], volumes: volumes as readonly Volume[] }
}

async function report(program: 'vgs' | 'lvs', fields: string): Promise<readonly object[] | string> {
  const words = [program, ...reportOptions, '-o', fields]
  const command = isRoot() ? words : ['sudo', '-n', '--', ...words]
  const { status, stdout, stderr } = await run(command, { timeoutMs: answerTimeoutMs })
  if (status !== 0) return `${program} failed: ${stderr.trim().split('\n').at(-1) || `exit status ${status}`}`
  const { report: rows } = JSON.parse(stdout) as { report: readonly Readonly<Record<string, readonly object[]>>[] }
  return rows.flatMap((row) => row[program === 'vgs' ? 'vg' : 'lv'] ?? [])
}

/** LVM's programs without the kernel's device-mapper list groups, and make nothing. */
function judgeKernel(groups: string, requirements: readonly Requirement[]): Finding {
  if (/\bdevice-mapper\b/.test(readText('/proc/misc') ?? ''))
    return good('lvm', groups === '' ? 'installed; no volume groups' : groups)
  const finding = requirements.length === 0 ? lacking : bad
  return finding('lvm', ['the kernel has no device-mapper loaded', ...bys(requirements)].join(' '), 'sudo modprobe dm-mod')
}

function judgeGroup({ value, by }: Requirement, groups: readonly Group[]): Finding {
  if (value === '') return bad('volume group', `none is named (${by})`, 'name it: vg=NAME in the same file')
  const group = groups.find(({ vg_name }) => vg_name === value)
  if (group !== undefined) return good(`volume group ${value}`, `${size(group.vg_free)} free (${by})`)
  return bad(`volume group ${value}`, `there is none of that name (${by})`, `make it: sudo vgcreate ${value} /dev/DISK`)
}

function judgePool({ value, by }: Requirement, volumes: readonly Volume[]): Finding {
  const pool = volumes.find(({ vg_name, lv_name }) => `${vg_name}/${lv_name}` === value)
  const name = `pool ${value}`
  if (pool?.lv_layout.split(',').includes('pool') === true) return good(name, `a thin pool (${by})`)
  const what = pool === undefined ? 'there is none of that name' : `it is not a pool but ${pool.lv_layout}`
  const [vg = '', lv = ''] = value.split('/')
  return bad(name, `${what} (${by})`, `make it: sudo lvcreate --type thin-pool --name ${lv} --extents 90%FREE ${vg}`)
}

/** Where LVM cannot be asked, a group with a volume in use still shows in /dev. */
function unseen(groups: readonly Requirement[]): Finding[] {
  return groups
    .filter(({ value }) => value !== '')
    .map(({ value, by }) =>
      stat(`/dev/${value}`)?.isDirectory() === true
        ? good(`volume group ${value}`, `it is there (${by})`)
        : lacking(`volume group ${value}`, `cannot be seen (${by})`),
    )
}
