// What belongs to a state of a VM besides RAM, devices and drives: the disk that tells its guest who it is, and, of one that is off, the
// variables of its UEFI and its TPM, which of one that runs are in the state of its devices.
import type { Place } from '../../host/place.js'
import type { Drawer } from '../record/drawer.js'
import { copyNew, lstat, readBytes, remove, rename, syncFolder } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import { removeTree } from '../../sys/removal.js'
import { recordFolder } from '../record/record.js'

interface Subject {
  readonly id: string
  readonly place: Pick<Place, 'records'>
}

/** Beside a record, and in the state of a VM that was off. */
const kept = ['nvram-uefi.qcow2', 'nvram-secure.qcow2', 'tpm'] as const

const seedName = 'seed.iso'

/** Larger than any disk that tells a guest who it is. */
const mostSeedBytes = 64 * 1024 * 1024

/** Keeps the disk that a running guest has. */
export function keepSeed({ seed }: Pick<Drawer, 'seed'>, folder: string): void {
  if (lstat(seed) !== undefined) copyNew(seed, `${folder}/${seedName}`)
}

export function keptSeed(folder: string): Buffer | undefined {
  return readBytes(`${folder}/${seedName}`, mostSeedBytes)
}

/** Copies into a state what stands beside the record. The VM is off, and its lock held. */
export async function keepBeside({ place, id }: Subject, folder: string): Promise<void> {
  const own = recordFolder(place, id)
  for (const name of kept) if (lstat(`${own}/${name}`) !== undefined) await copy(`${own}/${name}`, `${folder}/${name}`)
}

/** Makes what stands beside the record what it was. Killed at any moment, it can be done again. */
export async function restoreBeside({ place, id }: Subject, folder: string): Promise<void> {
  const own = recordFolder(place, id)
  for (const name of kept) {
    const [there, coming] = [`${own}/${name}`, `${own}/.coming-${name}`]
    discard(coming)
    const isThere = lstat(`${folder}/${name}`) !== undefined
    if (isThere) await copy(`${folder}/${name}`, coming)
    discard(there)
    if (isThere) rename(coming, there)
  }
  syncFolder(own)
}

function discard(name: string): void {
  if (lstat(name)?.isDirectory() === true) removeTree(name)
  else remove(name)
}

/** With its owner, who may be QEMU's user. */
async function copy(from: string, to: string): Promise<void> {
  await runOrFail(`copy ${from}`, ['cp', '-a', '--', from, to], { isPrivate: true })
}
