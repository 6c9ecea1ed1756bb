// A VM's drives.
import type { Drive } from '../../model/drive.js'
import { copyDrive, newDrive } from '../../vm/drive/drives.js'
import { removeDriveOf, resizeDriveOf, type NewSize } from '../../vm/drive/driveedit.js'
import type { Call } from './call.js'
import { callerOf, opened } from './opened.js'

export const calls = {
  async newimg(call: Call): Promise<Drive> {
    const vm = await opened(call, { needs: 'nothing' })
    return (await newDrive(vm, { ...callerOf(call), onProgress: call.told('onProgress') })).drive
  },
  snapshot: (call: Call) => copy(call, 'snapshot'),
  clone: (call: Call) => copy(call, 'clone'),
  resize: async (call: Call, what: NewSize) => resizeDriveOf(await opened(call), what),
  rmDrive: async (call: Call, number: number) => removeDriveOf(await opened(call), { number: String(number) }, callerOf(call)),
}

async function copy(call: Call, how: 'snapshot' | 'clone'): Promise<Drive> {
  const { signal, told } = call
  const [onNote, onProgress] = [told('note'), told('onProgress')]
  const options = { signal, ...(onNote && { onNote }), ...(onProgress && { onProgress }) }
  return (await copyDrive(await opened(call, { needs: 'nothing' }), how, options)).drive
}
