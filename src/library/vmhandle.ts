// The methods of a VM: each is one call.
import { parseSize } from '../core/size.js'
import { idOf } from '../vm/record/id.js'
import { execJob } from './exec.js'
import type { Along } from './channel.js'
import type { Link } from './link.js'
import type { CallOptions, ProgressOptions } from './options.js'
import { readSettings, type VmSettings } from './settings.js'
import { shortName, throwAway } from './fresh.js'
import type { FreshVm, OpenPorts, VmHandle } from './vm.js'
import type { Target } from './wire.js'

/** Where handles come from. */
export interface Source {
  readonly link: Link
  /** The class where none is given. */
  readonly vmClass: string | undefined
  /** Takes notes where a call has no taker of its own. */
  readonly note: ((text: string) => void) | undefined
}

/** What goes along with a call of these options. */
export function alongOf({ note }: Source, options: ProgressOptions = {}, target?: Target): Along {
  const hooks = { note: options.note ?? note, onProgress: options.onProgress }
  return { signal: options.signal, hooks, ...(target === undefined ? {} : { target }) }
}

/** What goes along with a call for one VM. */
type Going = (options?: ProgressOptions) => Along

/** A VM by name, whether it is there or not. Throws a UsageError for a wrong name, or a setting that cannot be. */
export function vmHandle(source: Source, name: string, given: VmSettings): VmHandle {
  const { settings, vmClass = source.vmClass } = readSettings(given)
  return handleOf(source, { name, vmClass, settings })
}

function handleOf(source: Source, target: Target): VmHandle {
  const along: Going = (options) => alongOf(source, options, target)
  const { link } = source
  return {
    id: idOf(target.name, target.vmClass),
    ...driveMethods(link, along),
    ...lifeMethods(link, along),
    ...frozenMethods(source, target, along),
    ...stateMethods(source.link, along),
    ...backupMethods(link, along),
    ...lookMethods(link, along),
    ...reachMethods(link, along),
    ...deviceMethods(link, along),
    ...moveMethods(link, along),
  }
}

type Methods<N extends keyof VmHandle> = Pick<VmHandle, N>

function driveMethods(link: Link, along: Going): Methods<'newimg' | 'snapshot' | 'clone' | 'resize' | 'rmDrive' | 'rm'> {
  return {
    newimg: (options) => link.call('drive.newimg', along(options)),
    snapshot: (options) => link.call('drive.snapshot', along(options)),
    clone: (options) => link.call('drive.clone', along(options)),
    resize: (size, { drive, shrink, ...options } = {}) =>
      link.call('drive.resize', along(options), {
        size,
        number: drive === undefined ? undefined : String(drive),
        shrink: shrink === true,
      }),
    rmDrive: (number, options) => link.call('drive.rmDrive', along(options), number),
    rm: (options) => link.call('life.rm', along(options)),
  }
}

function lifeMethods(
  link: Link,
  along: Going,
): Methods<'start' | 'stop' | 'shutdown' | 'pause' | 'resume' | 'reset' | 'enable' | 'disable'> {
  return {
    start: ({ qemuOptions = [], ifNeeded, ...options } = {}) =>
      link.call('life.start', along(options), qemuOptions, ifNeeded === true),
    stop: (options) => link.call('life.stop', along(options)),
    shutdown: ({ timeoutMs, ...options } = {}) => link.call('life.shutdown', along(options), timeoutMs),
    pause: (options) => link.call('life.pause', along(options)),
    resume: (options) => link.call('life.resume', along(options)),
    reset: (options) => link.call('life.reset', along(options)),
    enable: (options) => link.call('life.enable', along(options)),
    disable: (options) => link.call('life.disable', along(options)),
  }
}

function stateMethods(
  link: Link,
  along: Going,
): Methods<'checkpoint' | 'checkpoints' | 'removeCheckpoint' | 'rollback' | 'save'> {
  return {
    checkpoint: (name, options) => link.call('states.checkpoint', along(options), name),
    checkpoints: (options) => link.call('states.checkpoints', along(options)),
    removeCheckpoint: (name, options) => link.call('states.removeCheckpoint', along(options), name),
    rollback: (name, { fresh, ...options } = {}) => link.call('states.rollback', along(options), name, fresh === true),
    save: (options) => link.call('states.save', along(options)),
  }
}

function backupMethods(link: Link, along: Going): Methods<'backup' | 'backups' | 'removeBackup' | 'restore'> {
  return {
    backup: (folder, { live, bootTest, keep, ...options } = {}) =>
      link.call('backups.backup', along(options), folder, { live: live === true, bootTest: bootTest === true, keep }),
    backups: (folder, { verify, ...options } = {}) => link.call('backups.backups', along(options), folder, verify === true),
    removeBackup: (folder, name, options) => link.call('backups.removeBackup', along(options), folder, name),
    restore: (folder, { name, from, trusted, ...options } = {}) =>
      link.call('backups.restore', along(options), folder, { when: name, from, trusted: trusted === true }),
  }
}

function frozenMethods(source: Source, target: Target, along: Going): Methods<'freeze' | 'fork' | 'removeTemplate'> {
  const { link } = source
  const gold = idOf(target.name, target.vmClass)
  return {
    freeze: (options) => link.call('frozen.freeze', along(options)),
    fork: async (given = {}): Promise<FreshVm> => {
      const { name = shortName('fork'), settings: own, ...options } = typeof given === 'string' ? { name: given } : given
      const { settings, vmClass = target.vmClass } = readSettings({ ...own, gold })
      const fork: Target = { name, vmClass, settings }
      const vm = throwAway(handleOf(source, fork))
      await link.call('frozen.fork', alongOf(source, options, fork))
      return vm
    },
    removeTemplate: (options) => link.call('frozen.removeTemplate', along(options)),
  }
}

function lookMethods(
  link: Link,
  along: Going,
): Methods<'status' | 'explain' | 'export' | 'log' | 'console' | 'events' | 'wait' | 'screenshot'> {
  return {
    status: (options) => link.call('life.status', along(options)),
    explain: ({ qemuOptions = [], ...options } = {}) => link.call('life.explain', along(options), qemuOptions),
    export: (system, options) => link.call('life.export', along(options), system),
    log: (options) => link.call('life.log', along(options)),
    console: (options) => link.stream('watch.console', along(options)),
    events: ({ since = 'now', ...options } = {}) => link.stream('watch.events', along(options), since),
    wait: (what, { timeoutMs, all, ...options } = {}) => link.call('reach.wait', along(options), what, timeoutMs, all === true),
    screenshot: (options) => link.call('reach.screenshot', along(options)),
  }
}

function reachMethods(link: Link, along: Going): Methods<'type' | 'key' | 'exec' | 'cp' | 'ssh' | 'forward' | 'unforward'> {
  return {
    type: (text, { timeoutMs, screen, ...options } = {}) =>
      screen === true
        ? link.call('reach.typeOnScreen', along(options), String(text))
        : link.call('reach.type', along(options), text, timeoutMs),
    key: (keys, options) => link.call('reach.key', along(options), [keys].flat()),
    exec: (words, options = {}) => execJob(link, along(options), words, options),
    cp: (sources, destination, options) => link.call('reach.cp', along(options), [sources].flat(), destination),
    ssh: (words = [], { timeoutMs, onWait, ...options } = {}) => {
      const { hooks, ...others } = along(options)
      return link.call('reach.ssh', { ...others, hooks: { ...hooks, onWait } }, words, timeoutMs)
    },
    forward: async (ports, options): Promise<OpenPorts> => {
      const wanted = [ports].flat()
      const { forwards } = await link.call('reach.forward', along(options), wanted)
      const close = (closing?: CallOptions): Promise<void> => link.call('reach.close', along(closing), wanted)
      return { forwards, close, [Symbol.asyncDispose]: close }
    },
    unforward: (ports, options) => link.call('reach.unforward', along(options), [ports].flat()),
  }
}

function deviceMethods(link: Link, along: Going): Methods<'attach' | 'detach' | 'eject' | 'balloon'> {
  return {
    attach: (what, { readOnly, ...options } = {}) =>
      link.call('device.attach', along(options), what, { readOnly: readOnly === true }),
    detach: (what, options) => link.call('device.detach', along(options), what),
    eject: ({ drive, force, ...options } = {}) => link.call('device.eject', along(options), { drive, force: force === true }),
    balloon: async (wanted, options) =>
      link.call('device.balloon', along(options), typeof wanted === 'number' ? wanted : parseSize(wanted, 'M')),
  }
}

function moveMethods(link: Link, along: Going): Methods<'move' | 'settleMove' | 'send' | 'receive'> {
  return {
    move: (host, { downtimeMs, ...options } = {}) => link.call('move.move', along(options), host, downtimeMs),
    settleMove: ({ keep, ...options } = {}) => link.call('move.settleMove', along(options), keep === true),
    send: (options) => link.stream('move.send', along(options)),
    receive: (input, options) => link.call('move.receive', { ...along(options), input }),
  }
}
