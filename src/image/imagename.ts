// Every name in the folder of images, and what it means:
//
//   sha512-1f..c2          an image, whole, checked and read-only; drives of the `dir` store are further names of it
//   sha512-1f..c2.json     what is known of it: where it came from, how far it was checked
//   .part-9a..0e           a download that is not complete; the next one of the same file goes on from there
//   .part-9a..0e.json      what the server said of that file: a part is only continued where it is the same file still
//   .lock-9a..0e           held by who downloads it: a second one waits, and has it then too
//   .tmp-5c..77-1          unfinished work of a job; swept when nobody holds the job's lock
//   .tmp-5c..77.lock       the job's lock
//   .lock                  held for milliseconds by whoever writes down what is known of an image, or removes one
import type { Digest } from '../model/imageref.js'

export function imageName({ algorithm, hex }: Digest): string {
  return `${algorithm}-${hex}`
}

/** The digest in the name of an image; undefined for any other name. */
export function parseImageName(file: string): Digest | undefined {
  const { algorithm, hex } = /^(?<algorithm>sha256|sha512)-(?<hex>[0-9a-f]{64}(?:[0-9a-f]{64})?)$/.exec(file)?.groups ?? {}
  if (hex === undefined || (algorithm === 'sha512') !== (hex.length === 128)) return undefined
  return { algorithm: algorithm as Digest['algorithm'], hex }
}

export const factsSuffix = '.json'

export const folderLockName = '.lock'

export function jobLockName(job: string): string {
  return `.tmp-${job}.lock`
}

export function temporaryName(job: string, number: number): string {
  return `.tmp-${job}-${number}`
}

/** The job that a temporary or a job's lock belongs to. */
export function jobOf(file: string): string | undefined {
  return /^\.tmp-(?<job>[0-9a-f]+)[-.]/.exec(file)?.groups?.['job']
}

export interface PartNames {
  readonly part: string
  readonly facts: string
  readonly lock: string
}

/** The names of a download; `key`: 32 digits that stand for what is downloaded. */
export function partNames(key: string): PartNames {
  return { part: `.part-${key}`, facts: `.part-${key}${factsSuffix}`, lock: `.lock-${key}` }
}

/** The key of a download that one of these names belongs to. */
export function partKey(file: string): string | undefined {
  return /^\.(?:part|lock)-(?<key>[0-9a-f]{32})(?:\.json)?$/.exec(file)?.groups?.['key']
}
