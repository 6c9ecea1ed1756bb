import type { Drive } from '../../model/drive.js'
import { runOrFail } from '../../sys/process.js'
import { withJob } from './job.js'
import { publish } from './publish.js'

/** Makes the VM's next drive, empty. */
export function create(folder: string, id: string, sizeBytes: number): Promise<Drive> {
  return withJob(folder, async (job) => {
    const file = job.file('qcow2')
    await runOrFail(`make a drive of ${id}`, ['qemu-img', 'create', '-q', '-f', 'qcow2', file, String(sizeBytes)])
    return publish(folder, id, file, 'qcow2')
  })
}
