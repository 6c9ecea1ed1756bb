// What is known of an image that is in no catalogue: nearly nothing.
import type { Arch, GuestTraits } from '../model/guest.js'
import { isRoot } from '../sys/environment.js'
import { userName } from '../sys/self.js'

/** Whoever names an image wants to get in: a seed does no harm where nothing reads it. */
export function unknownTraits(arch: Arch): GuestTraits {
  return {
    arch,
    user: guestName(isRoot() ? 'root' : userName()),
    seed: 'nocloud',
    hasAgent: false,
    firmware: arch === 'x86_64' ? ['bios', 'uefi'] : ['uefi'],
    minMemBytes: 0,
    minDriveBytes: 0,
  }
}

/** A name as useradd(8) takes it. */
function guestName(name: string): string {
  return /^[a-z_][a-z0-9_-]{0,31}$/.test(name) ? name : 'user'
}
