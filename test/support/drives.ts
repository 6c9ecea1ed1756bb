// What the tests of the `dir` store share: a store in a folder of its own, and eyes on what is in it.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Drive, Image } from '../../src/model/drive.js'
import { dirStore } from '../../src/store/dir/dir.js'
import type { LiveDrives, Source, SourceWanted, Store } from '../../src/store/store.js'

/** Nothing runs. */
export const noneLive: LiveDrives = {
  runs: () => false,
  activeFile: () => Promise.resolve(undefined),
  switchTo: () => Promise.reject(new Error('nothing runs')),
  grow: () => Promise.reject(new Error('nothing runs')),
}

export const mib = 2 ** 20

export interface Place {
  readonly folder: string
  readonly store: Store
  /** A folder beside the store. */
  readonly outside: string
  remove(): void
}

/** What the folders of this test file are called; others run beside it. */
export const ownFolders = `nbsvm-store-${process.pid}-`

export function makePlace(parent = os.tmpdir()): Place {
  const root = fs.mkdtempSync(path.join(parent, ownFolders))
  const folder = path.join(root, 'drives')
  const outside = path.join(root, 'outside')
  fs.mkdirSync(outside)
  return { folder, outside, store: dirStore({ folder }), remove: () => fs.rmSync(root, { recursive: true, force: true }) }
}

export function findGold(store: Store, wanted: Partial<SourceWanted> = {}): Promise<Source> {
  return store.findSource({ gold: 'gold', vmClass: undefined, snapshotLv: undefined, source: undefined, trust: false, ...wanted })
}

export function sh(...command: readonly string[]): string {
  const [program = '', ...args] = command
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Writes a pattern into an image that stands at rest: `pattern(drive, 1, '0', '1M')`. */
export function writePattern({ image }: { image: Image }, value: number, offset: string, length: string): void {
  sh('qemu-io', '-f', image.format, '-c', `write -P ${value} ${offset} ${length}`, image.path)
}

/** Says whether a pattern is there. */
export function hasPattern({ image }: { image: Image }, value: number, offset: string, length: string): boolean {
  const { stdout } = spawnSync(
    'qemu-io',
    ['-r', '-U', '-f', image.format, '-c', `read -P ${value} ${offset} ${length}`, image.path],
    {
      encoding: 'utf8',
    },
  )
  assert.match(stdout, /bytes at offset/)
  return !stdout.includes('verification failed')
}

/** SHA-256 of all that the guest sees. */
export function digest({ image }: { image: Image }): string {
  const flat = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-flat-'))
  try {
    const file = path.join(flat, 'flat.raw')
    sh('qemu-img', 'convert', '-U', '-f', image.format, '-O', 'raw', image.path, file)
    return createHash('sha256').update(fs.readFileSync(file)).digest('hex')
  } finally {
    fs.rmSync(flat, { recursive: true })
  }
}

/** `qemu-img check` of a qcow2 image and all under it. */
export function check(image: Image): void {
  if (image.format === 'qcow2') sh('qemu-img', 'check', '-U', '-f', 'qcow2', image.path)
  if (image.backing !== undefined) check(image.backing)
}

/** All that is in the folder of drives, but for what root's is never without. */
export function remains(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => name !== '.layers')
}

export function bases(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => name.startsWith('.base-'))
}

/** What should not be there when nobody works: temporaries and locks of single drives. */
export function leftovers(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => /^\.(tmp|lock-)/.test(name))
}

export function layersOf({ image }: Drive): number {
  let layers = 0
  for (let at: Image | undefined = image; at !== undefined; at = at.backing) layers++
  return layers
}

/** Command lines of running programs that name the folder. */
export function processesOn(folder: string): string[] {
  return fs
    .readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .map((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(folder))
}
