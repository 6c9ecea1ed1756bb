// What every store can do. Callers branch on its capabilities, never on its name.
import type { Drive, DriveSize, Image } from '../core/drive.js'

/** A source for `snapshot` and `clone`, found and checked. */
export interface Source {
  /** As it is named to the user: `nbsvm-gold-0` or a full path. */
  readonly name: string
  readonly image: Image
  /** The drive of this store that it is; absent for a file or device from elsewhere. */
  readonly drive?: Drive
}

/** Lets a running VM hand a drive over while it goes on: the caller implements it over QMP, a store knows no QEMU. */
export interface LiveDrives {
  /** Resolves to the path of the file that the running VM writes for this drive, or undefined when no running VM has it. */
  activeFile(drive: Drive): Promise<string | undefined>
  /** Makes the running VM write into `overlay` (whose backing file is the one it writes now) from this moment on. */
  switchTo(drive: Drive, overlay: Image): Promise<void>
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
  readonly capabilities: Capabilities

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
  /** Changes the size that the guest sees. The VM is not running. */
  resize(drive: Drive, sizeBytes: number, options: { readonly shrink: boolean }): Promise<void>
  /** Removes a drive, and what only it needed. */
  remove(drive: Drive): Promise<void>
  /** How near a drive is to running out of room on the host; undefined where it cannot be seen. Absent where nothing can. */
  health?(drive: Drive): Promise<Health | undefined>
  /**
   * Makes drives usable for a VM that is about to start, and tells what will soon be wrong. Throws a Failure for one that is
   * lost, in use or mounted on the host. Absent where a drive is always ready.
   */
  ready?(drives: readonly Drive[], onNote?: (text: string) => void): Promise<void>
}

/** How a drive stands with the room that it can take on the host. */
export interface Health {
  /** `filling`: soon full. `full`: writes to it fail until there is room. `lost`: what was in it is gone. */
  readonly state: 'fine' | 'filling' | 'full' | 'lost'
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
  /** Full path of an image file or block device, in place of both. */
  readonly source: string | undefined
  /** Accept an image that refers to other files of the host. */
  readonly trust: boolean
}

/** What a store can and cannot do. */
export interface Capabilities {
  /** `snapshot` takes milliseconds whatever the size. */
  readonly snapshotsAreInstant: boolean
  /** Only root, or sudo, may change it. */
  readonly needsRoot: boolean
  /** A drive can be made smaller. */
  readonly canShrink: boolean
}
