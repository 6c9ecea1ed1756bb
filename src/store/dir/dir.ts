// The `dir` store: drives are plain files in one folder. The names of drives are all that a list asks for; what opens images or
// changes them is loaded when it is needed.
import path from 'node:path'
import { stat } from '../../sys/file.js'
import { openers } from '../../sys/process.js'
import type { Store } from '../store.js'
import { driveNames, layersName } from './entry.js'
import { prepareLayers } from './liveroom.js'

/**
 * The store in a folder, which is made, for its owner only, when the first drive is.
 *
 * Whoever calls `snapshot`, `clone`, `resize` or `remove` sees to it that no stopped VM starts on the drive meanwhile: by
 * holding the VM's lock until the promise settles. A running VM's drive is handed over through `options.live`.
 */
export function dirStore(options: { readonly folder: string }): Store {
  const folder = path.resolve(options.folder)
  return {
    name: 'dir',
    isShared: false,
    layers: path.join(folder, layersName),
    drives: async (id) => (await import('./look.js')).drivesOf(folder, id),
    driveNames: async () => driveNames(folder),
    size: async (drive) => (await import('./look.js')).sizeOf(folder, drive),
    ready: async (drives) => {
      prepareLayers(folder)
      if (drives.some(({ fault }) => fault !== undefined)) (await import('./look.js')).checkDrives(folder, drives)
      return undefined
    },
    findSource: async (wanted) => (await import('./dirsource.js')).findSource(folder, wanted),
    create: async (id, sizeBytes, how = {}) => (await import('./dirmake.js')).create(folder, id, sizeBytes, how),
    snapshot: async (id, source, how) => (await import('./dirmake.js')).snapshot(folder, id, source, how),
    clone: async (id, source, how) => (await import('./dirclone.js')).clone(folder, id, source, how),
    freeze: async (drive, pinned, how) => (await import('./base.js')).freezeBase(folder, drive, pinned, how),
    pin: async (base, name) => (await import('./base.js')).pin(folder, base.name, name),
    release: async (base, name) => (await import('./base.js')).release(folder, base.name, name),
    pins: async () => (await import('./base.js')).pins(folder),
    base: async (name) => (await import('./base.js')).findBase(folder, name),
    restore: async (drive, base, how = {}) => (await import('./restore.js')).restore(folder, drive, base, how),
    createOn: async (id, base, how = {}) => (await import('./dirmake.js')).createOn(folder, id, base, how),
    createFrom: async (id, origin, sizeBytes, how = {}) =>
      (await import('./dirorigin.js')).createFrom(folder, id, { ...origin, sizeBytes }, how),
    resize: async (drive, sizeBytes, how) => (await import('./change.js')).resize(folder, drive, sizeBytes, how),
    grow: async (drive, sizeBytes, { live }) => (await import('./change.js')).grow(folder, drive, sizeBytes, live),
    remove: async (drive, how = {}) => (await import('./change.js')).remove(folder, drive, how),
    users: async ({ image }) => fileUsers(image.path),
  }
}

function fileUsers(file: string): string[] {
  const stats = stat(file)
  return stats === undefined ? [] : openers(stats).map(({ pid, name }) => `in use by pid ${pid} (${name})`)
}
