// A picture of a VM's screen.
import path from 'node:path'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { pngSize, type PictureSize } from '../../core/png.js'
import { QmpError, withQmp } from '../../qemu/qmp.js'
import { remove, stat } from '../../sys/file.js'
import { readPlainBytes } from '../../sys/plain.js'
import { randomHex } from '../../sys/stamp.js'
import { requireRunning } from '../life/up.js'
import { isAdopted } from '../record/added.js'
import type { Vm } from '../record/vm.js'

export interface Screenshot extends PictureSize {
  /** The picture, in PNG. */
  readonly png: Buffer
}

/** A picture takes QEMU a moment where its screen is large. */
const qmpTimeoutMs = 20_000

/** Several times what the largest screen of QEMU takes without compression. */
const mostBytes = 256 * 1024 ** 2

/** Takes a picture of the screen of a VM that runs. Throws a Failure for one without a graphics card. */
export async function takeScreenshot(vm: Vm, { signal }: Caller = {}): Promise<Screenshot> {
  requireRunning(vm, 'take a picture of')
  const { drawer } = vm
  // QEMU writes it as its own user, into the only folder that is its own.
  const name = `screenshot-${randomHex(8)}.png`
  const file = `${drawer.run}/${name}`
  // One that was started by hand is in another folder.
  const filename = isAdopted(drawer) ? file : name
  try {
    await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, (qmp) =>
      qmp.execute('screendump', { filename, format: 'png' }),
    )
    return readPicture(vm, file)
  } catch (error) {
    if (!(error instanceof QmpError)) throw error
    throw new Failure(`cannot take a picture of ${vm.id}`, {
      code: 'QEMU_REFUSED',
      cause: error,
      hints: ['it needs a graphics card: see nbsvm help display'],
    })
  } finally {
    remove(file)
  }
}

/** What QEMU says that it wrote: nothing of it is believed, for its guest may have taken it over. */
function readPicture({ id, drawer }: Vm, file: string): Screenshot {
  try {
    const found = readPlainBytes(file, mostBytes)
    if (found === undefined) throw new Failure('there is no file')
    // A second name of somebody else's file would be read for QEMU's user.
    if (found.stats.uid !== stat(drawer.run)?.uid) throw new Failure('the file is not its own')
    return { png: found.bytes, ...pngSize(found.bytes) }
  } catch (error) {
    throw new Failure(`what QEMU has written is not a picture of ${id}`, { cause: error })
  }
}

/** Checks that a picture can be written to a file, before it is taken. Throws a Failure. */
export function checkTarget(file: string): void {
  const folder = path.dirname(file)
  if (stat(folder)?.isDirectory() !== true)
    throw new Failure(`cannot write ${file}: there is no folder ${folder}`, { code: 'FILE_MISSING' })
  if (stat(file)?.isDirectory() === true) throw new Failure(`cannot write ${file}: it is a folder`)
}
