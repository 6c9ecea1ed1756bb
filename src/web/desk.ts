// Where a running `nbsvm web` is found by the next one, which gets a new link of it; and what one leaves for the next: the port that it had,
// so that a page that is still open goes on once the browser has opened the next one's link. In a folder of our own beside the drawers.
import path from 'node:path'
import { Failure } from '../core/errors.js'
import type { Place } from '../host/place.js'
import { pause } from '../sys/clock.js'
import { makePrivateFolder, readText, remove, writeWhole } from '../sys/file.js'
import { tryLock, type Lock } from '../sys/lock.js'
import { connect, listenPrivate, type Server } from '../sys/socket.js'
import { hashHex } from '../sys/stamp.js'

export interface Desk {
  /** Tells it apart from the others, always the same. */
  readonly name: string
  /** The port that the one before had. */
  readonly lastPort: number | undefined
  readonly keepPort: (port: number) => void
  /** Gives whoever asks a new link, from now on. */
  readonly open: (newLink: () => string) => Promise<void>
  readonly close: () => void
}

const linkMs = 5000
/** So often one is asked that is just beginning, or ending. */
const [mostTries, betweenMs] = [10, 300]

/**
 * Takes the place of the one `nbsvm web` that serves this (`what` is all that makes a difference: the VM, whether it may only be looked
 * at, where it listens). Where another has it, resolves to a new link of that one.
 */
export async function takeDesk(place: Pick<Place, 'state'>, what: object): Promise<Desk | { readonly link: string }> {
  const folder = path.join(place.state, '.web')
  makePrivateFolder(folder)
  const name = hashHex(JSON.stringify(what)).slice(0, 16)
  const lockFile = path.join(folder, `${name}.lock`)
  for (let tries = 0; tries < mostTries; tries++) {
    const lock = tryLock(lockFile)
    if (lock !== undefined) return deskOf(folder, name, lock)
    const link = await linkFrom(path.join(folder, `${name}.sock`)).catch(() => undefined)
    if (link !== undefined) return { link }
    await pause(betweenMs)
  }
  throw new Failure('nbsvm web runs already, and does not answer', { hints: [`see who: fuser -v ${lockFile}`] })
}

function deskOf(folder: string, name: string, lock: Lock): Desk {
  const inside = (ending: string): string => path.join(folder, `${name}.${ending}`)
  const [socketFile, portFile] = [inside('sock'), inside('port')]
  const last = /^(\d{1,5})\n$/.exec(readText(portFile) ?? '')?.[1]
  let server: Server | undefined
  return {
    name,
    lastPort: last === undefined ? undefined : Number(last),
    keepPort: (port) => writeWhole(portFile, `${port}\n`),
    open: async (newLink) => {
      remove(socketFile)
      server = await listenPrivate(socketFile, (socket) => {
        socket.on('error', () => socket.destroy())
        socket.end(`${newLink()}\n`)
      })
    },
    close: () => {
      server?.close()
      remove(socketFile)
      lock.release()
    },
  }
}

/** Asks the one that runs; undefined where it says nothing. */
async function linkFrom(socketFile: string): Promise<string | undefined> {
  const socket = await connect(socketFile)
  socket.setTimeout(linkMs, () => socket.destroy())
  let text = ''
  for await (const piece of socket) text += String(piece)
  return text.endsWith('\n') ? text.trimEnd() : undefined
}
