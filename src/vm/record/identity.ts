// What makes a VM itself and no other: its UUID and the addresses of its cards, made once and then only read from its record.
import { digest } from '../../core/digest.js'
import type { Place } from '../../host/place.js'
import { hashHex, randomHex } from '../../sys/stamp.js'
import type { MachineRecord } from './shape.js'

type Identity = Pick<MachineRecord, 'uuid' | 'macs'>

/** So many addresses are written down at once; a card more is rare, and gets one that follows from the UUID. */
const cards = 8

/**
 * Another on every host, for every VM, and in every place of one host: two users may each have a VM of that name, on one
 * bridge. Through SHA-256, because machine-id(5) wants the host's id kept from strangers such as guests.
 */
export function newIdentity(hostId: string, { records }: Pick<Place, 'records'>, id: string): Identity {
  const seed = `${hostId} ${records} ${id}`
  return { uuid: uuidFrom(hashHex(`uuid ${seed}`), '8'), macs: macsOf((index) => hashHex(`mac ${seed} ${index}`)) }
}

/** What nbsvm 0.1 made of a VM's name alone: the guests that it started keep it. */
export function identityOf01(id: string): Identity {
  const tail = (index: number): string => digest(index === 0 ? `mac ${id}` : `mac ${id} ${index}`, 4).toString('hex')
  return { uuid: uuidFrom(digest(`uuid ${id}`, 16).toString('hex'), '8'), macs: macsOf(tail) }
}

/** The address of card `index`. */
export function macOf({ uuid, macs }: Identity, index: number): string {
  return macs[index] ?? macFrom(hashHex(`mac ${uuid} ${index}`))
}

/** A UUID that nobody else has: version 4, random. */
export function randomUuid(): string {
  return uuidFrom(randomHex(16), '4')
}

function macsOf(hexOf: (index: number) => string): string[] {
  return Array.from({ length: cards }, (_, index) => macFrom(hexOf(index)))
}

/** It begins with 52:54, locally administered as QEMU's own are; two VMs among a thousand share the rest in a case of 8,600. */
function macFrom(hex: string): string {
  return ['52', '54', ...(hex.slice(0, 8).match(/../g) ?? [])].join(':')
}

/** 32 digits as a UUID of a version: https://www.rfc-editor.org/rfc/rfc9562#section-5.8 */
function uuidFrom(hex: string, version: '4' | '8'): string {
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16)
  const digits = `${hex.slice(0, 12)}${version}${hex.slice(13, 16)}${variant}${hex.slice(17)}`
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
