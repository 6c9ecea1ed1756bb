// One VM, as a program sees it.
import type { Drive } from '../model/drive.js'
import type { DiscDrive } from '../model/device.js'
import type { Exported } from '../qemu/export/exported.js'
import type { System } from '../qemu/export/system.js'
import type { Enabled } from '../service/enable.js'
import type { Removal } from '../service/remove.js'
import type { Resized } from '../vm/drive/driveedit.js'
import type { Explanation } from '../vm/life/explain.js'
import type { Resumed } from '../vm/life/power.js'
import type { Status } from '../vm/life/status.js'
import type { Stopped } from '../vm/life/stop.js'
import type { Moved } from '../vm/move/move.js'
import type { Received } from '../vm/move/receive.js'
import type { Attached } from '../vm/reach/attach.js'
import type { Ballooned } from '../vm/reach/balloon.js'
import type { EventsSince, VmEvent } from '../vm/reach/events.js'
import type { Forwarded } from '../vm/reach/forward.js'
import type { Screenshot } from '../vm/reach/screenshot.js'
import type { ListedBackup } from '../vm/backup/verify.js'
import type { BackedUp, Restored } from './calls/backups.js'
import type { Froze } from './calls/frozen.js'
import type { Checkpoint } from '../vm/frozen/checkpoint.js'
import type { RolledBack } from '../vm/frozen/rollback.js'
import type { ShutDown, Started } from './calls/life.js'
import type { ExecJob, ExecOptions } from './exec.js'
import type { CallOptions, ProgressOptions } from './options.js'
import type { VmSettings } from './settings.js'

/** What `start` takes. */
export interface StartOptions extends CallOptions {
  /** QEMU options behind all others, for this once. */
  readonly qemuOptions?: readonly string[] | undefined
  /** One that runs already is no error. */
  readonly ifNeeded?: boolean | undefined
}

/** What a call takes that gives up after a time. */
export interface TimedOptions extends CallOptions {
  /** In milliseconds; the setting `timeout` (a minute) where nothing is said. */
  readonly timeoutMs?: number | undefined
}

/** What `wait` takes. */
export interface WaitOptions extends TimedOptions {
  /** Look at all since power-on, also at what was waited for before. */
  readonly all?: boolean | undefined
}

/** What `type` takes. */
export interface TypeOptions extends TimedOptions {
  /** On the keyboard of its screen, not at its serial port. */
  readonly screen?: boolean | undefined
}

/** What `ssh` takes. */
export interface SshOptions extends CallOptions {
  /** How long is waited for the guest; ten minutes where nothing is said. */
  readonly timeoutMs?: number | undefined
  /** Is told about once a second how long it took by now. */
  readonly onWait?: ((waitedMs: number) => void) | undefined
}

/** What `resize` takes. */
export interface ResizeOptions extends CallOptions {
  /** Which drive, where there are several. */
  readonly drive?: number | undefined
  /** Its end may be cut off, and what is there be lost. */
  readonly shrink?: boolean | undefined
}

/** What `move` takes. */
export interface MoveOptions extends ProgressOptions {
  /** How long its guest may stand still, in milliseconds (300). */
  readonly downtimeMs?: number | undefined
}

/** What `events` takes. */
export interface EventsOptions extends CallOptions {
  /** `start`: all since it was last started, then what comes. `now`, where nothing is said: what comes. */
  readonly since?: EventsSince | undefined
}

/** What `fork` takes. */
export interface ForkOptions extends CallOptions {
  /** What the fork is called, in the class of its template; `fork-` and some digits where nothing is said. */
  readonly name?: string | undefined
  /** Settings in place, of those that its guest has not seen yet: `forward`, `identity`. */
  readonly settings?: VmSettings | undefined
}

/** What `backup` takes. */
export interface BackupOptions extends ProgressOptions {
  /** Its guest's file systems do not stand still for it: the backup is what its drives held, as after a power cut. */
  readonly live?: boolean | undefined
  /** A VM is made of it, without a network, and must come to its prompt; then it is removed again. */
  readonly bootTest?: boolean | undefined
  /** So many of the newest are kept, this one with them; all others go. */
  readonly keep?: number | undefined
}

/** What `restore` takes. */
export interface RestoreOptions extends ProgressOptions {
  /** How the name of the backup begins; the newest where nothing is said. */
  readonly name?: string | undefined
  /** The VM that was backed up, where it is to have another name now. */
  readonly from?: string | undefined
  /** Nobody else could write to the folder: settings of the backup that give its guest something of this machine are taken too. */
  readonly trusted?: boolean | undefined
}

/** Ports that lead into a VM until they are closed: at the end of an `await using` block, by `close`, or with the VM. */
export interface OpenPorts extends Forwarded, AsyncDisposable {
  /** Closes those that this call was about. */
  close(options?: CallOptions): Promise<void>
}

/**
 * A VM that is ended and removed at the end of an `await using` block. One that is to stay, as a fork may, is not disposed of: what its
 * handle is about outlives the program as every VM does.
 *
 * @example
 * {@includeCode ../../examples/fresh.ts}
 */
export interface FreshVm extends VmHandle, AsyncDisposable {
  /** Ends it and removes it. */
  remove(): Promise<void>
}

/**
 * One VM. It is a name: every method looks anew, also at its settings files, and whatever started it may end it. All methods reject
 * with a {@link Failure} that says what to do and has a `code`, and with an {@link AbortError} where their signal is aborted.
 *
 * @example
 * {@includeCode ../../examples/vm.mjs}
 */
export interface VmHandle {
  /** `[CLASS-]VM` */
  readonly id: string

  /**
   * Makes the next drive, `drive_size` large: the first from `image`, where that is set, every other one empty. An image that is not
   * here is fetched.
   */
  newimg(options?: ProgressOptions): Promise<Drive>
  /** Makes the next drive as an instant copy-on-write copy of `gold` or `source`. */
  snapshot(options?: ProgressOptions): Promise<Drive>
  /** Makes the next drive as a full copy of `gold` or `source`. */
  clone(options?: ProgressOptions): Promise<Drive>
  /** Changes a drive's size, also while the VM runs: `40G`, or `+10G` for so much more. */
  resize(size: string, options?: ResizeOptions): Promise<Resized>
  /** Removes one drive of a VM that does not run. Nothing is asked. */
  rmDrive(number: number, options?: CallOptions): Promise<Drive>
  /** Removes the VM, which must not run: its drives, its record, its drawer and its systemd unit. Nothing is asked. */
  rm(options?: CallOptions): Promise<Removal>

  /** Starts it; resolves once QEMU answers. Aborted, nothing is left running. */
  start(options?: StartOptions): Promise<Started>
  /** Ends it now, as if its plug was pulled. One that does not run is no error. */
  stop(options?: CallOptions): Promise<Stopped>
  /** Presses its power button until it is off; rejects with code TIMEOUT where its guest does not listen. */
  shutdown(options?: TimedOptions): Promise<ShutDown>
  /** Stops its processors. */
  pause(options?: CallOptions): Promise<void>
  /** Lets it go on, and wakes a guest that sleeps. */
  resume(options?: CallOptions): Promise<Resumed>
  /** Boots its guest again; a paused one stays paused. */
  reset(options?: CallOptions): Promise<{ readonly isRunning: boolean }>
  /** Lets it start with this machine, by systemd. */
  enable(options?: CallOptions): Promise<Enabled>
  /** Undoes that; null where there was nothing to undo. */
  disable(options?: CallOptions): Promise<Enabled | null>

  /**
   * Makes a template of it as it runs: its RAM, its devices and its drives as they are at this moment, for `fork`. It goes on; what was
   * frozen of it before is replaced. `onProgress` is told how much of its RAM is written. Rejects with code VM_NOT_RUNNING, with NO_SPACE,
   * and with FAILED where it has what cannot be frozen; then, and where it is aborted, its guest goes on as it was.
   *
   * @example
   * {@includeCode ../../examples/forks.mjs}
   */
  freeze(options?: ProgressOptions): Promise<Froze>
  /**
   * Starts a VM that goes on where this one was frozen: by its name, or as the options say. It is there until `remove`, or until the end of
   * an `await using` block. Rejects with code SOURCE_MISSING where this one was never frozen, VM_EXISTS, or USAGE where a setting asks for
   * another machine than the one that its guest knows. Where it does not start, nothing of it stays.
   *
   * @example
   * {@includeCode ../../examples/fork.ts}
   */
  fork(options?: string | ForkOptions): Promise<FreshVm>
  /** Removes what was frozen of it; resolves to whether there was anything. Rejects with code TEMPLATE_IN_USE while forks run from it. */
  removeTemplate(options?: CallOptions): Promise<boolean>

  /**
   * Keeps its whole state under a name: with its RAM where it runs, its drives alone where it is off. It goes on, or stays off. Rejects with
   * code CHECKPOINT_EXISTS, NO_SPACE, and with FAILED where it has what cannot be frozen.
   */
  checkpoint(name: string, options?: ProgressOptions): Promise<Froze>
  /** Its checkpoints, the oldest first, as `nbsvm foo checkpoints --json`. */
  checkpoints(options?: CallOptions): Promise<Checkpoint[]>
  /** Removes one; all others stay as they are. Rejects with code CHECKPOINT_MISSING. */
  removeCheckpoint(name: string, options?: CallOptions): Promise<void>
  /**
   * Makes it what it was at a checkpoint; what it is now is given up. With `fresh` its drives alone: it is off then. Rejects with code
   * CHECKPOINT_MISSING. Where it is cut off, `start` finishes it.
   */
  rollback(name: string, options?: CallOptions & { readonly fresh?: boolean | undefined }): Promise<RolledBack>
  /** Puts it to sleep on the disk: its RAM goes into a file, and `start` lets it go on. Rejects with code NO_SPACE; then it goes on as it was. */
  save(options?: ProgressOptions): Promise<void>

  /**
   * Writes what has changed since the backup before into a folder that is there: its drives of one moment, its record, settings and keys. One
   * that runs goes on. Each backup is whole by itself. Rejects with code NO_SPACE, BUSY, and with TIMEOUT where it does not boot; a backup that
   * could not be made leaves nothing.
   *
   * @example
   * {@includeCode ../../examples/backups.mjs}
   */
  backup(folder: string, options?: BackupOptions): Promise<BackedUp>
  /** Its backups in a folder, the oldest first, as `nbsvm foo backups --json`; with `verify` all bytes of them are looked at. It need not be there. */
  backups(folder: string, options?: ProgressOptions & { readonly verify?: boolean | undefined }): Promise<ListedBackup[]>
  /** Removes one, by how its name begins; all others stay as they are. Resolves to its name. Rejects with code BACKUP_MISSING. */
  removeBackup(folder: string, name: string, options?: CallOptions): Promise<string>
  /**
   * Makes it from a backup: it is off then. Rejects with code VM_EXISTS, BACKUP_MISSING, BACKUP_DAMAGED, and with NOT_ALLOWED where the backup
   * has settings that give its guest something of this machine and `trusted` is not said. Nothing of it stays then.
   */
  restore(folder: string, options?: RestoreOptions): Promise<Restored>

  /** All about it, as `nbsvm foo status --json`. */
  status(options?: CallOptions): Promise<Status>
  /** Each setting with its origin, and what `start` would run with these QEMU options, as `nbsvm foo explain --json`. */
  explain(options?: CallOptions & { readonly qemuOptions?: readonly string[] | undefined }): Promise<Explanation>
  /** What another system imports as this VM, and what of it that has no word for. Nothing is copied or changed. */
  export(system: System, options?: CallOptions): Promise<Exported>
  /** What its guest has said on its serial port since power-on, at most the last `log_size`; also after it has ended. */
  log(options?: CallOptions): Promise<string>
  /**
   * The lines of its console since power-on, as text, and those that come until it is gone. One that is not complete, as a prompt is,
   * is given when the guest has fallen silent, and again when it is complete.
   */
  console(options?: CallOptions): AsyncGenerator<string, void>
  /** What happens to it, until nobody wants more; over its restarts. */
  events(options?: EventsOptions): AsyncGenerator<VmEvent, void>

  /**
   * Waits for a text on its console, for `/an expression/`, or for `running`, `paused`, `stopped`, `agent`, `ssh`, `port:80`,
   * `cloud-init`. Resolves to why it stopped, where that was waited for, else to null; rejects with code TIMEOUT.
   */
  wait(what: string, options?: WaitOptions): Promise<string | null>
  /** Types at its serial port: bytes as they are, of a text with the escapes of C, where `\n` is Enter. */
  type(text: string | Uint8Array, options?: TypeOptions): Promise<void>
  /** Presses keys of its keyboard, one after the other: `ctrl-alt-f2`, `ret`, `a`. */
  key(keys: string | readonly string[], options?: CallOptions): Promise<void>
  /** A picture of its screen. */
  screenshot(options?: CallOptions): Promise<Screenshot>
  /** Runs a program in its guest, as root, through its agent: no network is needed. */
  exec(words: readonly string[], options?: ExecOptions): ExecJob
  /** Copies files and folders into its guest, `cp(['site'], ':/srv/')`, or out of it, `cp(':/etc/hostname', '.')`. */
  cp(sources: string | readonly string[], destination: string, options?: ProgressOptions): Promise<void>
  /** Waits until its guest answers by ssh, and resolves to the command that runs these words there, or a shell. */
  ssh(words?: readonly string[], options?: SshOptions): Promise<string[]>
  /** Opens ports of this machine into it while it runs, `8080:80`. */
  forward(ports: string | readonly string[], options?: CallOptions): Promise<OpenPorts>
  /** Closes ports that lead into it, where `8080` is enough; resolves to those that are left. */
  unforward(ports: string | readonly string[], options?: CallOptions): Promise<Forwarded>

  /** Attaches a drive of its own by number, a disk image, a disc, a block device or a USB device (`usb:046d:c52b`) while it runs. */
  attach(what: string, options?: CallOptions & { readonly readOnly?: boolean | undefined }): Promise<Attached>
  /** Takes away what was attached, by its name or as it was given. */
  detach(what: string, options?: CallOptions): Promise<Attached>
  /** Takes the disc out of its drive; resolves to what was in it. */
  eject(options?: CallOptions & { readonly drive?: string | undefined; readonly force?: boolean | undefined }): Promise<DiscDrive>
  /** Asks its guest to make do with so much RAM (`512M`, or bytes); resolves to what it has then. */
  balloon(wanted: string | number, options?: CallOptions): Promise<Ballooned>

  /**
   * Moves it to another machine, as ssh takes its name (`box2`, `me@box2`), as it runs where it does. Whatever breaks, one machine has
   * it; rejects with code MOVE_UNDECIDED where it is not known which, until `settleMove` can ask.
   */
  move(host: string, options?: MoveOptions): Promise<Moved>
  /** Finishes a move that was cut off, or undoes it; with `keep` without asking. Null where none was. */
  settleMove(options?: CallOptions & { readonly keep?: boolean | undefined }): Promise<Moved | null>
  /** All of it, which must be off, as `receive` takes it. */
  send(options?: ProgressOptions): AsyncGenerator<Buffer, void>
  /** Makes it of what `send` gave. */
  receive(input: AsyncIterable<Uint8Array>, options?: CallOptions): Promise<Received>
}
