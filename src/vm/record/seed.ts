// What of a VM makes its guest known to it: how it is told who it is, the files of its keys, the way to its ssh.
import type { Settings } from '../../config/settings.js'
import { digest } from '../../core/digest.js'
import type { Place } from '../../host/place.js'
import type { GuestTraits } from '../../model/guest.js'
import type { Forward } from '../../model/forward.js'
import { recordFolder } from './record.js'
import type { MachineRecord } from './shape.js'

type Seeding = Pick<Settings, 'user' | 'ssh_key' | 'user_data' | 'packages' | 'password'>

/**
 * How a VM's guest is told who it is: as its image takes it. Of a drive that is from no image nothing is known, and only who sets
 * what a seed says wants one; from then on it stays, for a guest that misses it takes itself for another.
 */
export function seedKind(settings: Seeding, { image, seed }: Pick<MachineRecord, 'image' | 'seed'>): GuestTraits['seed'] {
  if (image !== undefined) return image.traits.seed
  if (seed !== undefined) return 'nocloud'
  const { user, ssh_key, user_data, packages, password } = settings
  return [user, ssh_key, user_data, packages, password].some((value) => value !== undefined) ? 'nocloud' : 'none'
}

/** Whom ssh logs in as; undefined where nobody knows. */
export function loginUser(
  { user }: Pick<Settings, 'user'>,
  { seed, image }: Pick<MachineRecord, 'seed' | 'image'>,
): string | undefined {
  return user ?? seed?.user ?? image?.traits.user
}

/** The files of a VM's record that ssh is about. */
export interface KeyFiles {
  /** The guest's own key, by which it is known; its public half has `.pub` behind it. */
  readonly hostKey: string
  /** nbsvm's key for it. */
  readonly key: string
  /** The former as ssh reads it. */
  readonly knownHosts: string
}

export function keyFiles(place: Pick<Place, 'records'>, id: string): KeyFiles {
  const folder = recordFolder(place, id)
  return { hostKey: `${folder}/ssh_host_ed25519_key`, key: `${folder}/ssh_key`, knownHosts: `${folder}/known_hosts` }
}

/** What ssh calls a VM, whatever address it has. */
export function sshAlias(id: string): string {
  return `nbsvm-${id}`
}

export const sshPort = 22

type Ports = Pick<Settings, 'network' | 'bridge' | 'forward'>

/** Whether a port of the host is to lead to a guest's ssh by itself: on the user network, unless the user has given it one. */
export function needsPort({ network, bridge, forward }: Ports): boolean {
  return network === undefined && (bridge ?? []).length === 0 && !(forward ?? []).some(leadsToSsh)
}

export function leadsToSsh({ guestPort, protocol }: Forward): boolean {
  return guestPort === sshPort && protocol === 'tcp'
}

/** Below the ports that the kernel gives to whoever asks for any. */
const [firstPort, ports] = [20_000, 10_000]

/** The ports that are tried for a VM, the first of which it mostly gets: others have others. */
export function candidatePorts(uuid: string, count: number): number[] {
  const first = digest(`ssh ${uuid}`, 4).readUInt32BE()
  return Array.from({ length: count }, (_, index) => firstPort + ((first + index * 4099) % ports))
}

/** The forward to a guest's ssh. */
export function sshForward({ uuid, sshPort: chosen }: Pick<MachineRecord, 'uuid' | 'sshPort'>): Forward {
  const [first = firstPort] = candidatePorts(uuid, 1)
  return { hostPort: chosen ?? first, guestPort: sshPort, protocol: 'tcp' }
}
