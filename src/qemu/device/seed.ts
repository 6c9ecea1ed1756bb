import type { Machine, Option } from '../../model/machine.js'
import { lastSlots } from './slot.js'
import { json } from './words.js'

/** By this a guest finds the disk: `/dev/disk/by-id/virtio-nbsvm-seed`. */
const serial = 'nbsvm-seed'

/** https://www.flatcar.org/docs/latest/provisioning/ignition/ */
const ignitionVariable = 'opt/com.coreos/config'

/**
 * What tells the guest who it is: a small disk that it can only read, or a variable of the firmware. Its slot is one of the last, so
 * that the user's own devices are where they would be without it: guests name network cards by their slots.
 */
export function seedOptions({ seed }: Pick<Machine, 'seed'>): Option[] {
  if (seed === undefined) return []
  if (seed.kind === 'ignition') return [['-fw_cfg', `name=${ignitionVariable},file=${seed.path}`]]
  const file = { driver: 'file', 'node-name': 'seed-file', filename: seed.path, 'read-only': true }
  return [
    json('-blockdev', file),
    json('-blockdev', { driver: 'raw', 'node-name': 'seed', file: 'seed-file', 'read-only': true }),
    json('-device', { driver: 'virtio-blk-pci', id: 'seed', drive: 'seed', serial, addr: lastSlots.seed }),
  ]
}
