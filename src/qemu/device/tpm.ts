import type { Machine, Option } from '../../model/machine.js'
import { qemuFiles } from '../socket.js'
import { json } from './words.js'

/** A TPM, which swtpm is for the guest (../tpm.ts). */
export function tpmOptions({ tpm, arch }: Pick<Machine, 'tpm' | 'arch'>): Option[] {
  if (!tpm) return []
  return [
    ['-chardev', `socket,id=tpm,path=${qemuFiles.tpm}`],
    ['-tpmdev', 'emulator,id=tpm0,chardev=tpm'],
    json('-device', { driver: arch === 'x86_64' ? 'tpm-crb' : 'tpm-tis-device', id: 'tpm', tpmdev: 'tpm0' }),
  ]
}
