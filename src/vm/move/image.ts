// A drive of a VM that is off, read or written as its guest would, through a qemu-nbd of its own: whatever store it is in.
import { integer, list, maybe, object, truth } from '../../core/check.js'
import { eitherSignal } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { jsonName } from '../../model/blocknode.js'
import type { Drive } from '../../model/drive.js'
import { Nbd } from '../../qemu/nbd.js'
import { pause } from '../../sys/clock.js'
import { remove } from '../../sys/file.js'
import { run, runOrFail, tied } from '../../sys/process.js'

const readyTimeoutMs = 30_000

interface Serving {
  /** A private folder for the socket. */
  readonly folder: string
  readonly isReadOnly: boolean
  readonly signal?: AbortSignal | undefined
}

/** Serves the drive for as long as `work` takes. */
export async function withImage<T>(drive: Drive, serving: Serving, work: (image: Nbd) => Promise<T>): Promise<T> {
  const { folder, isReadOnly, signal } = serving
  const socket = `nbd-${drive.number}.sock`
  const file = `${folder}/${socket}`
  remove(file)
  const end = new AbortController()
  const manner = isReadOnly ? ['--read-only'] : ['--discard=unmap', '--detect-zeroes=unmap']
  // It wants an absolute path, and a socket's may have 107 bytes.
  const command = ['qemu-nbd', `--socket=/proc/self/cwd/${socket}`, '--persistent', ...manner, jsonName(drive.image)]
  const server = run(tied(command), { cwd: folder, signal: end.signal, isPrivate: true })
  let fault: Failure | undefined
  server.then(
    ({ stderr }) => (fault = new Failure(`qemu-nbd cannot open ${drive.name}: ${stderr.trim()}`)),
    (error: unknown) => (fault = error as Failure),
  )
  try {
    const image = await opened(file, () => fault, signal)
    try {
      return await work(image)
    } finally {
      image.close()
    }
  } finally {
    end.abort()
    await server.catch(() => {})
    remove(file)
  }
}

async function opened(file: string, fault: () => Failure | undefined, signal: AbortSignal | undefined): Promise<Nbd> {
  const limit = eitherSignal(AbortSignal.timeout(readyTimeoutMs), signal)
  for (;;) {
    try {
      return await Nbd.open(file, limit)
    } catch (error) {
      const why = fault()
      if (why !== undefined) throw why
      signal?.throwIfAborted()
      if (limit.aborted) throw new Failure('qemu-nbd does not answer', { cause: error })
    }
    await pause(10, signal)
  }
}

/** A part of a drive that holds something, in bytes. */
export interface Extent {
  readonly start: number
  readonly length: number
}

/** Where it is, as far as its bytes stand there as they are. */
export interface Part extends Extent {
  /** In which layer of the image, counted from its own: what it stands on is 1. */
  readonly depth: number
  /** Where in the file of that layer; absent of what is compressed, for instance. */
  readonly offset?: number | undefined
}

const asMap = list(object({ start: integer, length: integer, depth: integer, zero: truth, data: truth, offset: maybe(integer) }))

/** The parts of a drive that are not known to be zeros, in their order. */
export async function extentsOf(drive: Drive, signal?: AbortSignal): Promise<Part[]> {
  const command = ['qemu-img', 'map', '--output=json', jsonName(drive.image)]
  const said = await runOrFail(`look at ${drive.name}`, command, signal === undefined ? {} : { signal })
  return asMap(JSON.parse(said), '').filter(({ zero }) => !zero)
}
