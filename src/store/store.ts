// What every store can do. Callers never branch on its name: what only some stores can or need is an optional method.
import type { Base, Drive, DriveSize, FileImage, Image } from '../model/drive.js'

/** A source for `snapshot` and `clone`, found and checked. */
export interface Source {
  /** As it is named to the user: `nbsvm-gold-0` or an absolute path. */
  readonly name: string
  readonly image: Image
  /** The drive of this store that it is; absent for a file or device from elsewhere. */
  readonly drive?: Drive
  /** Other files of the host that the image names, and that the user trusts (`trust_source=yes`); absent when it names none. */
  readonly refersTo?: readonly string[]
}

/** A read-only image of a distribution, for `createFrom`. */
export interface Origin {
  readonly image: FileImage
  /** Digits of a digest of it: the same are the same image. */
  readonly hex: string
}

/** What a store has copied of such an image. */
export interface KeptOrigin extends Pick<Origin, 'hex'> {
  /** For the user: `pool vms`. */
  readonly place: string
  readonly sizeBytes: number
  /** The VMs, or what else, whose drives stand on it; those of other machines too. */
  readonly usedBy: readonly string[]
}

/** Lets a running VM hand a drive over while it goes on: the caller implements it over QMP, a store knows no QEMU. */
export interface LiveDrives {
  /** Whether a VM that runs has this drive. Quick: QEMU is not asked. */
  runs(drive: Drive): boolean
  /**
   * Resolves to a path that leads to the very file (inode) that the running VM writes for this drive, or undefined when no
   * running VM has it. Not the name by which QEMU opened it: that name may lead to another file by now, which is what this
   * is asked for. Look for the first image of the drive's chain, from the top, that QEMU's process has open (`hasOpen`),
   * after nodes are deleted that a killed nbsvm added and never put under the guest: their files are open, but not written.
   */
  activeFile(drive: Drive): Promise<string | undefined>
  /**
   * Makes the running VM write into `overlay` from this moment on; with `atMoment`, from when that does its step, before which all
   * is prepared, and QEMU let go again. The image under it is the one the VM writes now; its name is `overlay.backing.path` now,
   * while QEMU may know it by the name that the overlay has got. Where it rejects, QEMU may know the overlay still: `activeFile`
   * makes it forget that.
   *
   * QEMU reopens a `file` node by name when the node above it becomes read-only, and would then read the overlay in place of
   * the base (7.2: silently wrong data). It does not reopen a node that was added by itself and is referred to by its
   * `node-name`, without `auto-read-only`: so for this the drive's `file` node is never written inside its format node.
   */
  switchTo(drive: Drive, overlay: Image, atMoment?: AtMoment): Promise<void>
  /** Tells the running VM that its drive has grown to this size, which makes the guest see it. */
  grow(drive: Drive, sizeBytes: number): Promise<void>
}

/** Does a step when its moment has come. Rejects without having done it where the moment does not come. */
export type AtMoment = <T>(step: () => Promise<T>) => Promise<T>

/** How a drive is frozen. */
export interface FreezeOptions extends Pick<CopyOptions, 'onNote' | 'onProgress' | 'signal'> {
  readonly live: LiveDrives
  /**
   * Does the one step that decides which moment is frozen; absent: at once. A caller that brings several drives and RAM to one
   * moment lets the guest stand still for it, so all that can be prepared is done before, and all that can wait is done after.
   * Several drives may wait in it side by side. Where it is given, nothing of an earlier moment is taken in place of this one: the
   * guest may write between the look and the moment. Where it or the step rejects, all is as before.
   */
  readonly atMoment?: AtMoment
}

/** Reports how far a long copy is, in bytes of the guest's view. */
export type OnProgress = (doneBytes: number, totalBytes: number) => void

export interface CopyOptions {
  readonly onProgress?: OnProgress
  /** Aborting ends the copy and removes every trace of it. */
  readonly signal?: AbortSignal
  /** Use dd with these arguments instead of the store's own way. */
  readonly dd?: { readonly bs?: string; readonly args: readonly string[] }
  /** A word for the user on what takes long, or was chosen for him. */
  readonly onNote?: (text: string) => void
}

export interface Store {
  /** `dir`, `lvm`, ... for the user's eyes only. */
  readonly name: string

  /** Whether other machines reach the very same drives: then a VM that moves to one of them leaves its drives where they are. */
  readonly isShared: boolean

  /**
   * Folder through which a QEMU that may not enter the store opens a new layer: it holds the folder open from its start, and a
   * layer has a name there for the moment of a switch. Absent where a running VM is never switched.
   */
  readonly layers?: string

  /** The drives of one VM, by number. */
  drives(id: string): Promise<Drive[]>
  /** The names of all drives here, `nbsvm-foo-0`; cheap, for `nbsvm ls` with a thousand VMs: no image is opened. */
  driveNames(): Promise<string[]>
  size(drive: Drive): Promise<DriveSize>

  /** Finds what `snapshot` and `clone` copy. Throws a Failure that names what was looked for, and where. */
  findSource(wanted: SourceWanted): Promise<Source>
  /** Makes the VM's next drive, empty. It appears under its name only when it is whole. */
  create(id: string, sizeBytes: number, options?: Pick<CopyOptions, 'onNote'>): Promise<Drive>
  /** Makes the VM's next drive as an instant copy-on-write copy; source and copy are independent afterwards. */
  snapshot(id: string, source: Source, options: CopyOptions & { readonly live: LiveDrives }): Promise<Drive>
  /** Makes the VM's next drive as a full copy. */
  clone(id: string, source: Source, options: CopyOptions & { readonly live: LiveDrives }): Promise<Drive>
  /**
   * Freezes what a drive holds at this moment, under a running VM too; the drive goes on. `pin` keeps the base from the first
   * moment, as `pin` does: without it the base lasts only as long as something stands on it.
   */
  freeze(drive: Drive, pin: string, options: FreezeOptions): Promise<Base>
  /** Keeps a base until `release` with the same name: a fact on the disk, which outlives any crash. The same pin twice is one. */
  pin(base: Pick<Base, 'name'>, name: string): Promise<void>
  /** Takes a pin away, and the base with it when nothing else needs it. No error where there is none. */
  release(base: Pick<Base, 'name'>, name: string): Promise<void>
  /** What is pinned, and under which name. */
  pins(): Promise<readonly Pinned[]>
  /** The base of that name as it is now: what it stands on may have changed. Throws a Failure (DRIVE_MISSING) where it is gone. Quick. */
  base(name: string): Promise<Base>
  /**
   * Makes the VM's next drive on a base, in no time; or the one of that number, and throws a Failure (DRIVE_EXISTS) where the VM has
   * such a drive.
   */
  createOn(id: string, base: Base, options?: Pick<CopyOptions, 'onNote'> & { readonly number?: number }): Promise<Drive>
  /**
   * Makes a drive what a base holds: it stands on the base then, and what it held is gone, but for what others need of it. The drive
   * may be missing, then it is made. The VM is not running. Killed at any moment, the drive is either what it was or what the base
   * holds, and the next command sweeps.
   */
  restore(drive: Pick<Drive, 'name' | 'number'>, base: Base, options?: Pick<CopyOptions, 'onNote'>): Promise<Drive>

  /**
   * Makes the VM's next drive from an image that never changes, which the drive may stand on as long as it likes: the store sees
   * to that. It is `sizeBytes` large, and no smaller than the image.
   */
  createFrom(id: string, origin: Origin, sizeBytes: number, options?: CopyOptions): Promise<Drive>
  /** The images that it has copied for `createFrom`. Absent where a drive stands on the file that it is made from. */
  origins?(): Promise<readonly KeptOrigin[]>
  /** Removes one of them. Throws a Failure where a drive stands on it. */
  removeOrigin?(hex: string): Promise<void>

  /** Changes the size that the guest sees. The VM is not running. */
  resize(drive: Drive, sizeBytes: number, options: { readonly shrink: boolean }): Promise<void>
  /** Makes a drive of a running VM larger; the guest sees it at once. Resolves only when both have the new size. */
  grow(drive: Drive, sizeBytes: number, options: { readonly live: LiveDrives }): Promise<void>
  /** Removes a drive, and what only it needed. The VM is not running. */
  remove(drive: Pick<Drive, 'name'>, options?: Pick<CopyOptions, 'onNote'>): Promise<void>
  /**
   * Who has a drive open, in words that follow "is": `in use by pid 4711 (qemu-system-x86)`, `mounted on /mnt`. Empty when
   * nobody is seen, which proves nothing: other users' processes stay hidden.
   */
  users(drive: Drive): Promise<readonly string[]>
  /** How near a drive is to running out of room on the host; undefined where it cannot be seen. Absent where nothing can. */
  health?(drive: Drive): Promise<Health | undefined>
  /**
   * Makes drives usable for a VM that is about to start, and tells what will soon be wrong. Throws a Failure for one that is
   * lost, in use or mounted on the host. Absent where a drive is always ready.
   */
  ready?(drives: readonly Drive[], onNote?: (text: string) => void): Promise<Held | undefined>

  /**
   * Writes down for other machines that this one has the drives now, of a VM that came here as it ran; `pid` is its QEMU's. Absent where
   * no other machine asks.
   */
  noteMoved?(drives: readonly Drive[], pid: number): Promise<void>
  /** Which run of the VM was the last, on whatever machine; undefined where nobody knows. Absent where no other machine can start it. */
  lastRun?(id: string): Promise<LastRun | undefined>

  /** What QEMU has to find in the folder that it runs in, so that it can open the drives. Absent where that is nothing. */
  filesFor?(drives: readonly Drive[]): Promise<readonly QemuFile[]>
  /** The commands, to be run by root, with which `ready` lets a user's own QEMU open the drives. Absent where none is ever needed. */
  opening?(drives: readonly Drive[]): readonly (readonly string[])[]
}

/** Drives that are kept for a VM that starts, until its QEMU has them open, or will not. */
export interface Held {
  /** `pid` is QEMU's, undefined where it did not start. */
  end(pid: number | undefined): Promise<void>
}

/** A run of a VM, on any machine that reaches its drives. */
export interface LastRun {
  /** The name of the machine. */
  readonly host: string
  /** QEMU's process there. */
  readonly mark: string
  readonly sinceMs: number
}

/** A file for a QEMU, which holds a secret maybe: only QEMU's user may read it. */
export interface QemuFile {
  readonly name: string
  readonly text: string
  /** A line for a shell that writes the same to its output. */
  readonly making: string
}

/** How a drive stands with the room that it can take on the host. */
export interface Health {
  /**
   * `filling`: soon full. `full`: writes to it fail until there is room. `broken`: it cannot be used until it is repaired.
   * `lost`: what was in it is gone.
   */
  readonly state: 'fine' | 'filling' | 'full' | 'broken' | 'lost'
  /** How much of its room is used; absent where it has all that it can ever need. */
  readonly usedPercent?: number
  /** What is wrong, for the user; empty when nothing is. */
  readonly words: string
  /** What to type about it. */
  readonly hints: readonly string[]
}

export interface SourceWanted {
  /** `foo`, `foo-0` or `gold`: a VM (its drive 0) or a drive. */
  readonly gold: string
  readonly vmClass: string | undefined
  /** Name in the store, in place of what `gold` leads to. */
  readonly snapshotLv: string | undefined
  /** Absolute path of an image file or block device, in place of both. */
  readonly source: string | undefined
  /** Accept an image that refers to other files of the host. */
  readonly trust: boolean
  /** A word for the user on what was chosen for him. */
  readonly onNote?: (text: string) => void
}

/** A base that is kept, and the name under which it is. One base can have several pins. */
export interface Pinned {
  readonly name: string
  readonly base: Base
}
