// What a twin has besides RAM: it sends that through a socket, and here it is written down.
import { Failure } from '../../core/errors.js'
import * as migration from '../../qemu/migration.js'
import type { RunAs } from '../../host/runas.js'
import { giveTo, remove } from '../../sys/file.js'
import { listenPrivate } from '../../sys/socket.js'
import { writeStream } from '../../sys/blocks.js'
import { digestOf } from './digest.js'
import type { FrozenFile } from '../record/frozen.js'
import type { Twin } from './twin.js'

/** Screens and firmware are in it, RAM is not. */
const mostBytes = 1024 ** 3

const socketName = 'state'

/** Writes it into `file`, synced. */
export async function takeStream(twin: Twin, file: string, runAs: RunAs): Promise<FrozenFile> {
  const socket = `${twin.folder}/${socketName}`
  const server = await listenPrivate(socket, () => {})
  const came = new Promise<void>((resolve, reject) => {
    server.once('connection', (connection) => void writeStream(connection, file, mostBytes).then(resolve, reject))
  })
  came.catch(() => {})
  try {
    if (runAs.prefix.length > 0) giveTo(socket, runAs)
    await migration.saveDevices(twin.qmp, socketName)
    await Promise.race([came, twin.lost])
  } finally {
    server.close()
    remove(socket)
  }
  const digest = await digestOf(file)
  if (digest.bytes === 0) throw new Failure('the QEMU that took its state in said nothing of it', { code: 'QEMU_REFUSED' })
  return digest
}
