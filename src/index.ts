// nbsvm as a library: the same modules as the program's, without its words on the terminal.
//
//     import { vm, list } from 'nbsvm'
//     const foo = vm('foo', { mem: '2G' })
//     await foo.newimg()
//     await foo.start()
//
// It knows the VMs of this machine. Those of others (`box2:foo`) are for the program, or for this library run there; `move` alone takes
// the name of another machine.
import { isSettingName } from './config/settings.js'
import type { DownloadCaller } from './image/download.js'
import { parseTyped } from './console/escapes.js'
import type { Caller } from './core/caller.js'
import type { DiscDrive } from './model/device.js'
import type { Drive } from './model/drive.js'
import { parseClosings, parseForwards } from './model/forward.js'
import { UsageError } from './core/errors.js'
import { checkName } from './core/name.js'
import { parseDestination } from './core/target.js'
import type { OnProgress } from './store/store.js'
import type { Words } from './model/machine.js'
import { environment, homeFolder, isRoot } from './sys/environment.js'
import type { Exported } from './qemu/export/exported.js'
import type { System } from './qemu/export/system.js'
import { parseKeys } from './qemu/keycode.js'
import { disableVm, enableVm, unitHost, type Enabled } from './service/enable.js'
import { removeVm, type Removal } from './service/remove.js'
import { copyDrive, newDrive } from './vm/drive/drives.js'
import { findImage } from './vm/drive/imagedrive.js'
import {
  listImages,
  pruneImages as prune,
  removeImages,
  type ListedImage,
  type PrunedImages,
  type RemovedImage,
} from './vm/drive/images.js'
import { parseImageRef } from './model/imageref.js'
import type { KeptImage } from './model/guest.js'
import { resizeDriveOf, removeDriveOf, type NewSize, type Resized } from './vm/drive/driveedit.js'
import { listVms, type Listed } from './vm/list/list.js'
import { findPlace, type Outside } from './host/place.js'
import { pauseVm, resetVm, resumeVm, type Resumed } from './vm/life/power.js'
import { explainVm, type Explanation } from './vm/life/explain.js'
import { exportVm } from './vm/life/export.js'
import { startIfNeeded } from './vm/life/ifneeded.js'
import { startVm } from './vm/life/start.js'
import { statusOf, type Status } from './vm/life/status.js'
import { shutdownVm, stopVm, type Shutdown, type Stopped } from './vm/life/stop.js'
import { copyFiles, type CopyCaller } from './vm/reach/cp.js'
import { execCollecting, type ExecOptions, type ExecResult } from './vm/reach/exec.js'
import { attachTo, detachFrom, type Attached, type AttachOptions } from './vm/reach/attach.js'
import { balloonTo, type Ballooned } from './vm/reach/balloon.js'
import { ejectDisc, type EjectOptions } from './vm/reach/disc.js'
import { addForwards, removeForwards, type Forwarded } from './vm/reach/forward.js'
import { followConsole } from './vm/reach/follow.js'
import { pressKeys } from './vm/reach/key.js'
import { takeScreenshot, type Screenshot } from './vm/reach/screenshot.js'
import { typeAt } from './vm/reach/type.js'
import { waitFor } from './vm/reach/wait.js'
import { sshCommand, type Waiting } from './vm/reach/ssh.js'
import { moveVm, settle, type Moved } from './vm/move/move.js'
import { usualDowntimeMs } from './vm/move/going.js'
import type { Leaving } from './vm/move/leave.js'
import { receiveVm, type Received } from './vm/move/receive.js'
import { sendVm } from './vm/move/send.js'
import { idOf, openVm, type Vm } from './vm/record/vm.js'

export { Failure } from './core/errors.js'
export { UsageError }
export type { CheckLevel, GuestTraits, KeptImage } from './model/guest.js'
export type {
  Attached,
  Ballooned,
  DiscDrive,
  DownloadCaller,
  Drive,
  Enabled,
  ExecResult,
  Explanation,
  Exported,
  Forwarded,
  Listed,
  ListedImage,
  Moved,
  PrunedImages,
  Received,
  RemovedImage,
  Removal,
  Resized,
  Resumed,
  Shutdown,
  Status,
  Stopped,
  Waiting,
}
export type { Caller, Screenshot }

/** An image that is here. */
export interface PulledImage extends KeptImage {
  /** What it takes on the host. */
  readonly sizeBytes: number
}

/** Settings in place, as on the command line: `{ mem: '2G', class: 'win' }`. */
export type InPlace = Readonly<Record<string, string>>

/** How long is waited where nothing else is said. */
const usualTimeoutMs = 60_000

export interface Moving extends Caller {
  /** How long its guest may stand still (300). */
  readonly downtimeMs?: number
  readonly onProgress?: OnProgress
}

export interface WaitOptions extends Caller {
  readonly timeoutMs?: number
  /** Look at all since power-on, also at what was waited for before. */
  readonly all?: boolean
}

/** One VM. Every method looks again, at its settings files too. All reject with a Failure that says what to do. */
export interface VmHandle {
  /** `[CLASS-]VM` */
  readonly id: string
  /** Makes the next drive, `drive_size` large: the first from `image`, where that is set, every other one empty. */
  newimg(caller?: DownloadCaller): Promise<Drive>
  /** Makes the next drive as an instant copy-on-write copy of `gold` or `source`. */
  snapshot(): Promise<Drive>
  /** Makes the next drive as a full copy of `gold` or `source`. */
  clone(): Promise<Drive>
  /** Changes a drive's size: `40G`, or `+10G` for so much more; one drive of several by its `number`. */
  resize(size: string, options?: Omit<NewSize, 'size'>): Promise<Resized>
  /** Removes one drive of a VM that does not run. Nothing is asked. */
  rmDrive(number: number): Promise<Drive>
  /** Removes the VM, which must not run: its drives, its record, its drawer and its systemd unit. Nothing is asked. */
  rm(): Promise<Removal>
  /** Writes the systemd unit that starts it with this machine. */
  enable(): Promise<Enabled>
  /** Removes that unit; undefined when there was none. */
  disable(): Promise<Enabled | undefined>
  /** Starts it; resolves to QEMU's pid once QEMU answers. With `ifNeeded` it may run already. */
  start(options?: Words, how?: { readonly ifNeeded?: boolean }): Promise<number>
  stop(): Promise<Stopped>
  /** Presses the power button; resolves to why the VM ended, or that it is still running after `timeoutMs` (60 s). */
  shutdown(timeoutMs?: number): Promise<Shutdown>
  pause(): Promise<void>
  resume(): Promise<Resumed>
  /** Boots the guest again; a paused one stays paused. */
  reset(): Promise<{ readonly isRunning: boolean }>
  /**
   * Waits for a text, `/an expression/` or a state (`running`, `paused`, `stopped`), as the action `wait` does, at most `timeoutMs`
   * (60 s). Resolves to why it stopped, where that was waited for.
   */
  wait(what: string, options?: WaitOptions): Promise<string | undefined>
  /** Types at the serial port: bytes as they are, of a text with the escapes of C where `\n` is Enter. */
  type(text: string | Buffer, options?: Caller): Promise<void>
  /** Presses keys of its keyboard: `ctrl-alt-f2`, `ret`, `a`. */
  key(keys: readonly string[], options?: Caller): Promise<void>
  /** A picture of its screen. */
  screenshot(options?: Caller): Promise<Screenshot>
  /**
   * The lines of its console since power-on, and those that come until it is gone. One that is not complete, as a prompt is, is
   * given when the guest has fallen silent, and again when it is complete.
   */
  console(options?: Caller): AsyncGenerator<string, void>
  status(): Promise<Status>
  /**
   * Runs a program in the guest, through its agent; a status that is not 0 is no error. With `timeoutMs` it is ended after that (status
   * 124, `isTimedOut`), with `signal` when that is aborted. More than 16 MiB of output needs `spool`.
   */
  exec(words: Words, options?: Omit<ExecOptions, 'take'> & { readonly signal?: AbortSignal }): Promise<ExecResult>
  /**
   * Copies files and folders into the guest, `cp(['site'], ':/srv/')`, or out of it, `cp([':/etc/hostname'], '.')`. `note` is told
   * what was left out.
   */
  cp(sources: readonly string[], destination: string, options?: CopyCaller): Promise<void>
  /** Waits until its guest answers by ssh, and resolves to the command that runs these words there, as ssh does, or a shell. */
  ssh(words?: Words, caller?: Waiting): Promise<string[]>
  /** Each setting with its origin, and the commands that `start` would run with these QEMU options. */
  explain(options?: Words): Promise<Explanation>
  /** What another system imports as this VM, and what of it that has no word for. Nothing is copied or changed. */
  export(system: System, caller?: Caller): Promise<Exported>
  /** Attaches a drive of its own by number, a disk image, a disc, a block device or a USB device (`usb:046d:c52b`) to the running VM. */
  attach(what: string, options?: AttachOptions & { readonly signal?: AbortSignal }): Promise<Attached>
  /** Takes away what was attached, by its name or as it was given. */
  detach(what: string, options?: { readonly signal?: AbortSignal }): Promise<Attached>
  /** Takes the disc out of its drive; resolves to what was in it. */
  eject(options?: EjectOptions & { readonly signal?: AbortSignal }): Promise<DiscDrive>
  /** Asks the guest to make do with so much RAM; resolves to what it has then. */
  balloon(wantedBytes: number, options?: { readonly signal?: AbortSignal }): Promise<Ballooned>
  /**
   * Moves it to another machine, as ssh takes its name (`box2`, `me@box2`), as it runs where it does. Whatever breaks, one machine has
   * it; rejects with a Failure of exit status 4 where it is not known which, until `settleMove` can ask.
   */
  move(host: string, options?: Moving): Promise<Moved>
  /** Finishes a move that was cut off, or undoes it; undefined where none was. */
  settleMove(options?: Caller): Promise<Moved | undefined>
  /** Writes it, which must be off, as `receive` takes it. */
  send(write: (bytes: Buffer) => Promise<void>, options?: Caller): Promise<void>
  /** Makes it of what `send` wrote. */
  receive(input: AsyncIterable<Buffer>, options?: Caller): Promise<Received>
  /** Opens ports into the running VM, `8080:80`, or closes them with `remove`, where `8080` is enough; resolves to all that lead into it then. */
  forward(ports: readonly string[], options?: { readonly remove?: boolean; readonly signal?: AbortSignal }): Promise<Forwarded>
}

/** A VM by name, whether it is there or not. Throws UsageError for a wrong name or an unknown setting. */
export function vm(name: string, settings: InPlace = {}): VmHandle {
  const outside = outsideOf(settings)
  const open = () => openVm(name, outside)
  const copy = async (how: 'snapshot' | 'clone') => (await copyDrive(await open(), how, {})).drive
  return {
    id: idOf(name, outside.vmClass),
    newimg: async (caller) => (await newDrive(await open(), caller)).drive,
    snapshot: () => copy('snapshot'),
    clone: () => copy('clone'),
    resize: async (size, options) => resizeDriveOf(await open(), { ...options, size }),
    rmDrive: async (number) => removeDriveOf(await open(), { number: String(number) }),
    rm: async () => removeVm(await open(), { outside }),
    enable: async () => enableVm(await open(), outside, unitHost(outside)),
    disable: async () => disableVm(await open(), unitHost(outside)),
    start: async (options = [], { ifNeeded = false } = {}) => {
      const one = await open()
      const start = async (): Promise<number> => (await startVm(one, options)).pid
      return ifNeeded ? startIfNeeded(one, start) : start()
    },
    stop: async () => stopVm(await open()),
    shutdown: async (timeoutMs = usualTimeoutMs) => shutdownVm(await open(), { timeoutMs }),
    pause: async () => pauseVm(await open()),
    resume: async () => resumeVm(await open()),
    reset: async () => resetVm(await open()),
    wait: async (what, { timeoutMs = usualTimeoutMs, all, ...caller } = {}) =>
      waitFor(await open(), what, { timeoutMs, all }, caller),
    type: async (text, caller) =>
      typeAt(await open(), typeof text === 'string' ? parseTyped(text) : text, { timeoutMs: usualTimeoutMs }, caller),
    key: async (keys, caller) => pressKeys(await open(), keys.map(parseKeys), caller),
    screenshot: async (caller) => takeScreenshot(await open(), caller),
    console: async function* ({ signal } = {}) {
      yield* followConsole(await open(), signal)
    },
    status: async () => statusOf(await open()),
    exec: async (words, { signal, ...options } = {}) => execCollecting(await open(), words, options, { signal }),
    cp: async (sources, destination, options = {}) => copyFiles(await open(), [...sources, destination], options),
    ssh: async (words = [], caller = {}) => sshCommand(await open(), words, caller),
    explain: async (options = []) => explainVm(await open(), options),
    export: async (system, caller) => exportVm(await open(), system, caller),
    attach: async (what, { signal, ...options } = {}) => attachTo(await open(), what, options, { signal }),
    detach: async (what, { signal } = {}) => detachFrom(await open(), what, { signal }),
    eject: async ({ signal, ...options } = {}) => ejectDisc(await open(), options, { signal }),
    balloon: async (wantedBytes, { signal } = {}) => balloonTo(await open(), wantedBytes, { signal }),
    ...movingOf(open, outside),
    forward: async (ports, { remove = false, signal } = {}) =>
      remove
        ? removeForwards(await open(), parseClosings(ports), { signal })
        : addForwards(await open(), parseForwards(ports), { signal }),
  }
}

/** What takes a VM to another machine. */
function movingOf(open: () => Promise<Vm>, outside: Outside): Pick<VmHandle, 'move' | 'settleMove' | 'send' | 'receive'> {
  const leaving = (one: Vm, caller: Caller): Leaving => ({
    ...caller,
    // It shall not start with this machine any more.
    beforeRemoval: async () => void (await disableVm(one, unitHost(outside))),
  })
  return {
    move: async (host, { downtimeMs = usualDowntimeMs, onProgress = () => {}, ...caller } = {}) => {
      const one = await open()
      return moveVm(one, { ...parseDestination(host), downtimeMs }, { ...leaving(one, caller), outside, onProgress })
    },
    settleMove: async (caller = {}) => {
      const one = await open()
      return settle(one, leaving(one, caller))
    },
    send: async (write, caller = {}) => sendVm(await open(), { ...caller, write, onProgress: () => {} }),
    receive: async (input, caller = {}) => receiveVm(await open(), { ...caller, input, answer: () => {}, outside }),
  }
}

/**
 * Every image by its name, and what is here of it and in pools, as `nbsvm images --json` tells it. `onFault` takes why a pool cannot be
 * asked.
 */
export async function images(onFault: (fault: unknown) => void = () => {}): Promise<ListedImage[]> {
  return listImages(outsideOf({}), onFault)
}

/**
 * Fetches an image, or looks whether its vendor has a newer one: `debian`, `URL#sha256:HEX`, a path. Rejects with a Failure where
 * what came is not what it must be; nothing of it is kept then.
 */
export async function pullImage(name: string, caller: DownloadCaller = {}): Promise<PulledImage> {
  const { kept, recorded } = await findImage(outsideOf({}).place, parseImageRef(name), caller, { isFresh: true })
  const { path, format } = kept
  return { ...recorded, image: { kind: 'file', path, format }, sizeBytes: kept.sizeBytes }
}

/** Removes what is here of an image. Rejects with a Failure where a VM was made from it. */
export async function removeImage(name: string): Promise<RemovedImage[]> {
  return removeImages(outsideOf({}).place, name)
}

/**
 * Removes all images that no VM was made from, what downloads and builds that broke off have left, and what pools have that no drive
 * stands on.
 */
export async function pruneImages(): Promise<PrunedImages> {
  return prune(outsideOf({}))
}

/** Every VM that has a drawer or a drive, as `nbsvm ls --json` tells it. */
export function list(): Promise<Listed[]> {
  return listVms(outsideOf({}), undefined, { withImages: true })
}

function outsideOf({ class: vmClass, ...line }: InPlace): Outside {
  const unknown = Object.keys(line).find((name) => !isSettingName(name))
  if (unknown !== undefined) throw new UsageError(`unknown setting ${JSON.stringify(unknown)}`)
  if (vmClass !== undefined) checkName('class', vmClass)
  return { place: findPlace(environment, isRoot(), homeFolder()), environment, vmClass, line }
}
