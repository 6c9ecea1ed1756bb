// A VM's systemd unit: written, and made known to systemd; and the way back.
import path from 'node:path'
import { settingNames } from '../config/settings.js'
import { Failure } from '../core/errors.js'
import { homeFolder, isRoot, type Environment } from '../sys/environment.js'
import { findProgram, lstat, makePrivateFolder, readText, remove, setMode, stat, writeWhole } from '../sys/file.js'
import { run, runOrFail, type Run } from '../sys/process.js'
import { ownProgram, userName } from '../sys/self.js'
import { unitMark, unitName, unitText } from './unit.js'
import type { Outside } from '../host/place.js'
import type { Vm } from '../vm/record/vm.js'

/** What units are written for. */
export interface UnitHost {
  /** The system's manager, root's; else that of one user. */
  readonly isSystem: boolean
  /** Where its units are. */
  readonly folder: string
  /** Full paths of node and nbsvm. */
  readonly program: readonly string[]
  /** `installed`: it does not run this machine, or this container. */
  readonly systemd: 'running' | 'installed' | 'missing'
  /** The user's manager runs without a login too; always true for root. */
  readonly lingers: boolean
  readonly run: Run
}

/** What came of it. */
export interface Enabled {
  /** The unit file. */
  readonly file: string
  /** `nbsvm-foo` */
  readonly name: string
  /** What is left to be typed, because systemd does not run here. */
  readonly todo: readonly string[]
}

/** This machine, for its root or for the calling user. */
export function unitHost({ environment }: Outside): UnitHost {
  const isSystem = isRoot()
  const installed = findProgram('systemctl') === undefined ? 'missing' : 'installed'
  return {
    isSystem,
    folder: isSystem ? '/etc/systemd/system' : path.join(configFolder(environment), 'systemd/user'),
    program: ownProgram(),
    // sd_booted(3)
    systemd: installed === 'installed' && stat('/run/systemd/system') !== undefined ? 'running' : installed,
    lingers: isSystem || stat(`/var/lib/systemd/linger/${userName()}`) !== undefined,
    run,
  }
}

function configFolder(environment: Environment): string {
  const given = environment['XDG_CONFIG_HOME']
  return given?.startsWith('/') ? given : path.join(homeFolder(), '.config')
}

/**
 * Writes the VM's unit, over one that nbsvm wrote before, and enables it where systemd runs. Throws a Failure for a unit of
 * that name that is somebody else's, and with systemctl's own words.
 */
export async function enableVm(vm: Vm, outside: Outside, host: UnitHost): Promise<Enabled> {
  const doing = `enable ${vm.id}`
  const name = unitName(vm.id)
  const file = path.join(host.folder, name)
  if (host.systemd === 'missing') {
    throw new Failure(`cannot ${doing}: this machine has no systemd`, {
      code: 'NOT_INSTALLED',
      hints: [`what its own init system has to run at start: ${vm.call} start`, `and at the end: ${vm.call} shutdown`],
    })
  }
  refuseForeign(file, doing)
  const text = unitText(describe(vm, outside, host))
  makePrivateFolder(host.folder)
  writeWhole(file, text, 0o644)
  // Whatever the umask: everybody may read what systemd tells everybody.
  setMode(file, 0o644)
  const commands = [systemctl(host, 'daemon-reload'), systemctl(host, 'enable', name)]
  const done = { file, name: path.basename(name, '.service') }
  if (host.systemd !== 'running') return { ...done, todo: commands.map((command) => command.join(' ')) }
  for (const command of commands) await runOrFail(`${doing}: ${file} is written, but systemd did not take it`, command, host)
  return { ...done, todo: [] }
}

/** Whether the VM has a unit that nbsvm wrote. */
export function isEnabled({ id }: Vm, { folder }: UnitHost): boolean {
  return isOurs(path.join(folder, unitName(id)))
}

/** Removes the VM's unit. Undefined when there was none. A VM that runs goes on. Throws a Failure for a unit of somebody else. */
export async function disableVm({ id }: Vm, host: UnitHost): Promise<Enabled | undefined> {
  const name = unitName(id)
  const file = path.join(host.folder, name)
  if (lstat(file) === undefined) return undefined
  refuseForeign(file, `disable ${id}`)
  const isRunning = host.systemd === 'running'
  // It knows of links that others made. Where it fails, our own are removed all the same.
  if (isRunning) await host.run(systemctl(host, 'disable', name)).catch(() => {})
  for (const target of ['multi-user.target', 'default.target']) remove(path.join(host.folder, `${target}.wants`, name))
  remove(file)
  const reload = systemctl(host, 'daemon-reload')
  const isReloaded = isRunning && (await host.run(reload)).status === 0
  return { file, name: path.basename(name, '.service'), todo: isReloaded || !isRunning ? [] : [reload.join(' ')] }
}

function systemctl({ isSystem }: UnitHost, ...words: string[]): string[] {
  return ['systemctl', ...(isSystem ? [] : ['--user']), ...words]
}

/** A link counts too: it is how `systemctl mask` forbids a unit. */
function refuseForeign(file: string, doing: string): void {
  if (lstat(file) === undefined || isOurs(file)) return
  throw new Failure(`cannot ${doing}: ${file} was not written by nbsvm`, {
    code: 'NOT_ALLOWED',
    hints: [`look at it: ls -l ${file}; cat ${file}`, 'then move it away, and try again'],
  })
}

function isOurs(file: string): boolean {
  return lstat(file)?.isFile() === true && readText(file)?.startsWith(unitMark) === true
}

function describe(vm: Vm, outside: Outside, { isSystem, program }: UnitHost) {
  const inPlace = Object.entries(outside.line).map(([name, value]) => `${name}=${value}`)
  return {
    id: vm.id,
    call: vm.call,
    isSystem,
    program,
    vmWords: [vm.name, ...(vm.class === undefined ? [] : [`class=${vm.class}`]), ...inPlace],
    environment: environmentOf(vm, outside.environment),
    folders: [vm.drawer.folder, vm.place.drives],
    pidFile: vm.drawer.pid,
    timeoutSeconds: vm.settings.timeout,
    needsNetwork: (vm.settings.bridge ?? []).length > 0,
  }
}

/** What `start` would find in this shell and not under systemd: where things are, settings, and where programs are. */
function environmentOf({ folded }: Vm, environment: Environment): Record<string, string> {
  const own = environment['NBSVM_HOME']
  const folders = own ? ['NBSVM_HOME'] : ['XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME']
  const settings = settingNames.filter((name) => folded.origins[name].kind === 'environment')
  const found: Record<string, string> = {}
  for (const name of [...folders, ...settings]) if (environment[name]) found[name] = environment[name]
  if (own) found['NBSVM_HOME'] = path.resolve(own)
  const absolute = (environment['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'))
  if (absolute.length > 0) found['PATH'] = absolute.join(':')
  return found
}
