import { UsageError } from '../../core/errors.js'
import { blockNode, byteNode } from '../../model/blocknode.js'
import type { Image } from '../../model/drive.js'
import type { DriveInterface, Machine, Option } from '../../model/machine.js'
import { boardOf, places } from './board.js'
import { json } from './words.js'

type Part = Pick<Machine, 'discs' | 'drives' | 'driveInterface' | 'type'>

/**
 * The disc drives, each with its disc in it: on the places of the board that no drive has, and that QEMU's -cdrom leaves free. The
 * firmware tries them after the drives, as it does with any board that was told nothing: an empty drive lets the disc boot.
 */
export function discOptions({ discs, drives, driveInterface, type }: Part): Option[] {
  if (discs.length === 0) return []
  const nodes = discs.map((image, index) => json('-blockdev', discNode(image, discNodeName(discDrive(index)))))
  const taken = 'words' in drives || !isOnBoard(driveInterface) ? 0 : drives.length
  return [...nodes, ...attach(discs.length, taken, type)]
}

function attach(count: number, taken: number, type: string): Option[] {
  const names = Array.from({ length: count }, (_, index) => discDrive(index))
  const filled = names.map((id) => ({ id, drive: discNodeName(id) }))
  if (boardOf(type) === 'other') {
    const controller = json('-device', { driver: 'virtio-scsi-pci', id: 'discs' })
    return [controller, ...filled.map((drive) => json('-device', Object.assign({ driver: 'scsi-cd', bus: 'discs.0' }, drive)))]
  }
  // From the end: the place of -cdrom is filled last by drives and discs alike.
  const all = places(type)
  const free = [...all.slice(taken, -1).toReversed(), ...all.slice(Math.max(taken, all.length - 1))]
  if (count > free.length) {
    throw new UsageError(`cdrom: this board has room for ${free.length} discs beside the drives, and there are ${count}`, {
      hints: ['drive_if=virtio or drive_if=scsi leave the board to the discs'],
    })
  }
  return filled.map((drive, index) => json('-device', Object.assign({ driver: 'ide-cd' }, free[index], drive)))
}

/** Whether drives take the places that discs could have. */
function isOnBoard(driveInterface: DriveInterface): boolean {
  return driveInterface === 'ide' || driveInterface === 'sata'
}

/** What disc drive `index` is called, by QEMU and by people. */
export function discDrive(index: number): string {
  return `cd${index}`
}

/** The block node of the disc in a drive. */
export function discNodeName(drive: string): string {
  return `disc-${drive}`
}

/** A disc is read, never written. */
export function discNode(image: Image, name: string): object {
  return blockNode(image, { 'node-name': name, 'read-only': true }, byteNode(image, { 'read-only': true }))
}
