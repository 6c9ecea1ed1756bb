// What an archive of a VM consists of. Pure. docs/archive.md describes it for those who open one with other tools.
import { Failure } from '../../core/errors.js'

/** Changes where an nbsvm of before could make nothing of it, or something wrong. */
export const archiveFormat = 1

export const manifestName = 'manifest.json'
/** The last of it: who has that has all. */
export const digestsName = 'digests.json'

export const driveMember = (number: number): string => `drive-${number}.raw`

/** The variables of its UEFI go as they are in flash memory: a qcow2 file could name others. */
export const variablesMember = (kind: 'uefi' | 'secure'): string => `nvram-${kind}.raw`

export const variablesMembers = { uefi: 'nvram-uefi.raw', secure: 'nvram-secure.raw' } as const

/** What is larger is none of ours. */
export const mostManifestBytes = 1024 ** 2
export const mostFileBytes = 64 * 1024 ** 2
export const mostFiles = 32
export const mostDrives = 64
/** QEMU's own limit of a qcow2 file with clusters of 64K, nearly. */
export const mostDriveBytes = 64 * 1024 ** 4

/** What is wrong with an archive, and what to do about it. */
export function broken(why: string, ...hints: readonly string[]): Failure {
  return new Failure(`the archive is not whole, or not one of nbsvm: ${why}`, { code: 'ARCHIVE_DAMAGED', hints })
}
