import { blockNode } from '../../model/blocknode.js'
import type { Machine, Option } from '../../model/machine.js'
import { json } from './words.js'

/** UEFI in the board's two flash chips: its code, which nothing can write, and its variables. Without it the board has its own BIOS. */
export function firmwareOptions({ firmware }: Pick<Machine, 'firmware'>): Option[] {
  if (firmware === undefined) return []
  const { code, variables, needsSmm } = firmware
  return [
    json('-blockdev', blockNode(code, { 'node-name': 'firmware', 'read-only': true })),
    json('-blockdev', blockNode(variables, { 'node-name': 'nvram' })),
    ['-machine', `pflash0=firmware,pflash1=nvram${needsSmm ? ',smm=on' : ''}`],
    // Else the guest's kernel could write the keys itself.
    ...(needsSmm ? [['-global', 'driver=cfi.pflash01,property=secure,value=on'] as const] : []),
  ]
}
