// A drive of a VM that is off, read or written as its guest would, through a qemu-nbd of its own: whatever store it is in. And what
// an image tells of its parts: which hold something, which were written since when.
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
  /** A dirty bitmap in its file, for `writtenSince`. */
  readonly bitmap?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Serves the drive for as long as `work` takes. */
export async function withImage<T>(drive: Drive, serving: Serving, work: (image: Nbd) => Promise<T>): Promise<T> {
  const { folder, isReadOnly, bitmap, signal } = serving
  const socket = socketName(drive)
  const file = `${folder}/${socket}`
  remove(file)
  const end = new AbortController()
  const manner = isReadOnly ? ['--read-only'] : ['--discard=unmap', '--detect-zeroes=unmap']
  // Besides this process qemu-img asks.
  if (bitmap !== undefined) manner.push(`--bitmap=${bitmap}`, '--shared=2')
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

const socketName = ({ number }: Pick<Drive, 'number'>): string => `nbd-${number}.sock`

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
  /** Whether it is zeros, whatever stands in that place. */
  readonly zero: boolean
}

const asMap = list(
  object({
    start: integer,
    length: integer,
    depth: integer,
    zero: truth,
    data: truth,
    present: maybe(truth),
    offset: maybe(integer),
  }),
)

type Mapped = ReturnType<typeof asMap>

async function map(
  what: string,
  image: string,
  options: { readonly cwd?: string; readonly signal?: AbortSignal | undefined },
): Promise<Mapped> {
  const { cwd, signal } = options
  const command = ['qemu-img', 'map', '--output=json', image]
  const how = { ...(cwd === undefined ? {} : { cwd }), ...(signal === undefined ? {} : { signal }) }
  return asMap(JSON.parse(await runOrFail(`look at ${what}`, tied(command), how)), '')
}

/** The parts of a drive that are not known to be zeros, in their order. */
export async function extentsOf(drive: Drive, signal?: AbortSignal): Promise<Part[]> {
  return (await map(drive.name, jsonName(drive.image), { signal })).filter(({ zero }) => !zero)
}

/** The parts of an image's own file that it has something of, zeros too, without what it stands on. */
export async function ownExtents(drive: Drive, signal?: AbortSignal): Promise<Part[]> {
  return (await map(drive.name, jsonName(drive.image), { signal })).filter(({ present }) => present !== false)
}

/** The parts of a drive that `withImage` serves that a dirty bitmap says are written: in place of what holds data, QEMU's client tells then what does not. */
export async function writtenSince(drive: Drive, bitmap: string, folder: string, signal?: AbortSignal): Promise<Extent[]> {
  const server = { type: 'unix', path: socketName(drive) }
  const image = `json:${JSON.stringify({ driver: 'nbd', server, 'x-dirty-bitmap': `qemu:dirty-bitmap:${bitmap}` })}`
  return (await map(drive.name, image, { cwd: folder, signal })).filter(({ data }) => !data)
}
