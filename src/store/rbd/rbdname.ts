// Names in a pool. What is not a complete drive never has a drive's name.
import { UsageError } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import type { Drive, RbdImage } from '../../model/drive.js'
import type { Cluster } from './rbdcall.js'

/** What nbsvm believes to be a name: whoever has a key of the pool may have written anything there. */
export const nameShape = /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}$/

/** Checks the pool and the user that settings give. Throws a UsageError that quotes what cannot be one. */
export function checkCephName(setting: 'pool' | 'ceph_user', name: string): void {
  if (nameShape.test(name)) return
  const what = setting === 'pool' ? 'a pool of Ceph' : 'a user of Ceph, without "client."'
  throw new UsageError(`${setting}: ${JSON.stringify(name)} cannot be the name of ${what}`, {
    hints: ['letters, digits, "_", "." and "-", which is not the first'],
  })
}

const temporaryPrefix = 'nbsvm_tmp.'
const formerPrefix = 'nbsvm_old.'
const basePrefix = 'nbsvm_base.'
const imagePrefix = 'nbsvm_image.'

/** An image that is still being made, and by whom: the mark of the process. Also a snapshot that is there for a moment. */
export function temporaryName({ mark, unique }: Pick<Cluster, 'mark' | 'unique'>): string {
  return `${temporaryPrefix}${mark}.${unique()}`
}

/** The mark of who makes it; undefined for what is no temporary. */
export function makerOf(name: string): string | undefined {
  return name.startsWith(temporaryPrefix) ? name.slice(temporaryPrefix.length, name.lastIndexOf('.')) : undefined
}

/** A drive that gives its place to another image, by whom, and which it was. While no image has that name this one is the drive. */
export function formerName({ mark }: Pick<Cluster, 'mark'>, drive: string): string {
  return `${formerPrefix}${mark}.${drive}`
}

/** What such a name says; undefined for any other. */
export function parseFormer(name: string): { readonly mark: string; readonly drive: string } | undefined {
  const { mark, drive } = /^nbsvm_old\.(?<mark>[^.]+(?:\.[^.]+){4})\.(?<drive>.+)$/.exec(name)?.groups ?? {}
  return mark === undefined || drive === undefined || parseDriveName(drive) === undefined ? undefined : { mark, drive }
}

/** Drives that are between two names, as a command was killed, or at this moment. */
export function drivesBetween(names: readonly string[]): string[] {
  return names.flatMap((name) => parseFormer(name)?.drive ?? []).filter((drive) => !names.includes(drive))
}

/** A base, which no QEMU ever opens. */
export function baseName(unique: string): string {
  return basePrefix + unique
}

export function isBaseName(name: string): boolean {
  return name.startsWith(basePrefix)
}

/** A distribution's image, by its digest: the same for all machines that have the pool. */
export function imageName(hex: string): string {
  return imagePrefix + hex
}

/** The digits of the digest in such a name; undefined for any other. */
export function hexOf(name: string): string | undefined {
  return /^nbsvm_image\.(?<hex>[0-9a-f]{64}(?:[0-9a-f]{64})?)$/.exec(name)?.groups?.['hex']
}

/** What is neither a drive nor anything else that a user has a name for. */
export function isHidden(name: string): boolean {
  return [temporaryPrefix, formerPrefix, basePrefix, imagePrefix].some((prefix) => name.startsWith(prefix))
}

/** The snapshot of a base, and of a distribution's image, on which drives stand. */
export const baseSnapshot = 'base'

/** How Ceph's programs call an image. */
export function spec({ pool }: Pick<Cluster, 'pool'>, name: string): string {
  return `${pool}/${name}`
}

export function asImage(cluster: Pick<Cluster, 'pool' | 'conf' | 'user'>, name: string): RbdImage {
  const { pool, conf, user } = cluster
  return { kind: 'rbd', format: 'raw', pool, name, path: spec(cluster, name), conf, user }
}

/** The image as a drive, or undefined when its name is none. */
export function asDrive(cluster: Pick<Cluster, 'pool' | 'conf' | 'user'>, name: string): Drive | undefined {
  const number = parseDriveName(name)?.number
  return number === undefined ? undefined : { name, number, image: asImage(cluster, name) }
}
