// What a guest is told of who it is: the files of a NoCloud seed, which cloud-init reads, and FreeBSD's nuageinit. Pure.
// https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html, nuageinit(7)
import { isoImage } from './iso.js'
import type { KeyPair } from './key.js'
import { multipart } from './multipart.js'
import { yamlText, type Yaml } from '../core/yaml.js'

/** All that a seed says. */
export interface Seed {
  readonly kind: 'nocloud' | 'nuageinit'
  /** Another one, and the guest takes itself for new: users, keys and packages are set up again. */
  readonly instanceId: string
  readonly hostname: string
  /** The user that is made; undefined for the one that the image has for this. */
  readonly user: string | undefined
  /** Public keys that may log in as this user. */
  readonly keys: readonly string[]
  /** What sshd shows itself by. */
  readonly hostKey: KeyPair
  readonly packages: readonly string[]
  /** As crypt(3) writes it; undefined for a user without a password. */
  readonly passwordHash: string | undefined
  /** The addresses of its network cards; undefined where nobody knows them. */
  readonly macs: readonly string[] | undefined
  /** Commands that mount what is shared with the guest, at each boot. */
  readonly mounts: readonly (readonly string[])[]
  /** What the user wants done besides: a `#cloud-config`, a script, or whatever else cloud-init takes. */
  readonly userData: Buffer | undefined
}

export interface SeedFile {
  readonly name: 'meta-data' | 'user-data' | 'network-config'
  readonly bytes: Buffer
}

/** The files of a seed. */
export function seedFiles(seed: Seed): SeedFile[] {
  const ours = cloudConfig(seed)
  return [
    { name: 'meta-data', bytes: Buffer.from(metaData(seed)) },
    { name: 'user-data', bytes: seed.userData === undefined ? Buffer.from(ours) : multipart(seed.userData, ours) },
    ...(seed.macs === undefined ? [] : [{ name: 'network-config', bytes: Buffer.from(networkConfig(seed.macs)) } as const]),
  ]
}

/** The seed as a disk: cloud-init looks for its label. */
export function seedImage(seed: Seed): Buffer {
  return isoImage('cidata', seedFiles(seed))
}

export function metaData({ instanceId, hostname }: Pick<Seed, 'instanceId' | 'hostname'>): string {
  return yamlText({ 'instance-id': instanceId, 'local-hostname': hostname })
}

/** Each card by its address, and by DHCP: what the guest calls them is not known. */
export function networkConfig(macs: readonly string[]): string {
  return yamlText({ version: 2, ethernets: Object.fromEntries(macs.map(card)) })
}

/** Only the first is waited for. */
function card(mac: string, index: number): [string, Yaml] {
  return [`nic${index}`, { match: { macaddress: mac }, dhcp4: true, ...(index === 0 ? {} : { optional: true }) }]
}

/** nbsvm's own part of the user-data. */
export function cloudConfig(seed: Seed): string {
  const { kind, hostKey, packages, hostname, mounts } = seed
  return `#cloud-config\n${yamlText({
    hostname,
    // Else sudo complains of a name that it cannot resolve.
    manage_etc_hosts: 'localhost',
    ...who(seed),
    ssh_keys: { ed25519_private: hostKey.secret, ed25519_public: hostKey.public },
    ssh_genkeytypes: ['ed25519'],
    ...(packages.length === 0 ? {} : { package_update: true, packages }),
    // Not among what nuageinit knows.
    ...(mounts.length === 0 || kind !== 'nocloud' ? {} : { bootcmd: mounts }),
  })}`
}

/** The user: the image's own way to make one (its groups, sudo without a password, its shell), by another name where one is asked for. */
function who({ kind, user, keys, passwordHash }: Seed): { readonly [key: string]: Yaml } {
  const password = passwordHash === undefined ? {} : { lock_passwd: false, hashed_passwd: passwordHash }
  if (kind === 'nuageinit' && user !== undefined) {
    return { users: [{ name: user, groups: 'wheel', shell: '/bin/sh', ssh_authorized_keys: keys }] }
  }
  return {
    ...(user === undefined && passwordHash === undefined
      ? {}
      : { user: { ...(user === undefined ? {} : { name: user }), ...password } }),
    users: ['default'],
    ...(user === 'root' ? { disable_root: false } : {}),
    ssh_authorized_keys: keys,
  }
}

/** A VM's name as a hostname(7): letters, digits, dashes, and dots between them, 63 at most. */
export function hostnameOf(name: string): string {
  const labels = name
    .replaceAll('_', '-')
    .split('.')
    .map((label) => label.replace(/^-+|-+$/g, ''))
  return labels
    .filter((label) => label !== '')
    .join('.')
    .slice(0, 63)
    .replace(/[-.]+$/, '')
}
