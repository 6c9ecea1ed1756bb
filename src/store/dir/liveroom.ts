// The folder through which QEMUs of other users open the layers that their drives get while they run: see `Store.layers`.
import path from 'node:path'
import { isRoot, ownUid } from '../../sys/environment.js'
import { giveTo, list, lstat, makePrivateFolder, remove, setMode } from '../../sys/file.js'
import { tryLock } from '../../sys/lock.js'
import { driveLockName, entry, layersName } from './entry.js'

/**
 * Makes it where this is root. Who has it open can look for names in it and see nothing else; nobody comes there through the folder of
 * drives.
 */
export function prepareLayers(folder: string): void {
  const layers = path.join(folder, layersName)
  if (!isRoot() || lstat(layers) !== undefined) return
  makePrivateFolder(layers)
  setMode(layers, 0o711)
}

/** Takes back what a killed nbsvm left to QEMU's user: the layer's name there, and the layer. */
export function sweepLayers(folder: string): void {
  for (const name of list(path.join(folder, layersName))) {
    // Whoever switches this drive at this moment has its lock.
    const lockFile = path.join(folder, driveLockName(name))
    const lock = tryLock(lockFile)
    if (lock === undefined) continue
    remove(path.join(folder, layersName, name))
    const layer = path.join(folder, entry(name, 'qcow2').file)
    const owner = lstat(layer)?.uid
    if (owner !== undefined && owner !== ownUid()) {
      giveTo(layer, { uid: 0, gid: 0 })
      setMode(layer, 0o600)
    }
    remove(lockFile)
    lock.release()
  }
}
