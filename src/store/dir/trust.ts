// What root's qemu-img may read: it follows what a header says, so nobody else may change the header after the look. A QEMU with
// a user of its own keeps what it has open, also when the drive has become a base, and a process that it left may too.
import { Failure } from '../../core/errors.js'
import type { Image } from '../../model/drive.js'
import { stat, type Stats } from '../../sys/file.js'
import { foreignWriters } from '../../sys/writers.js'
import { copySparse, type Copying } from '../common/copying.js'
import { readHeader } from '../common/qcow2.js'
import type { Job } from './job.js'

/** Refuses a drive at rest that a process of another user can still write to. */
export function refuseWriters({ path, stats }: { readonly path: string; readonly stats: Stats }): void {
  const [writer] = foreignWriters(stats)
  if (writer === undefined) return
  throw new Failure(`${path} belongs to a VM that does not run, and yet pid ${writer.pid} (${writer.name}) can write to it`, {
    code: 'DRIVE_IN_USE',
    hints: [`see what it is: ps -fp ${writer.pid}`, `end it: kill ${writer.pid}`],
  })
}

/** The image, with copies of their bytes in place of those layers that a process of another user can still write to. */
export async function trusted(job: Job, image: Image, virtualBytes: number, options: Copying): Promise<Image> {
  const backing = image.backing === undefined ? {} : { backing: await trusted(job, image.backing, virtualBytes, options) }
  const stats = stat(image.path)
  if (stats === undefined || foreignWriters(stats).length === 0) return { ...image, ...backing }
  const file = job.file(image.format === 'raw' ? 'raw' : 'qcow2')
  await copySparse(image.path, file, virtualBytes, options.signal === undefined ? {} : { signal: options.signal })
  const { dataFile } = image.format === 'qcow2' ? readHeader(file) : {}
  if (dataFile !== undefined)
    throw new Failure(`${image.path} was changed: it says that its data is in ${dataFile || 'another file'}`, {
      code: 'DRIVE_DAMAGED',
    })
  return { ...image, path: file, ...backing }
}
