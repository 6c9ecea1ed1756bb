// Telling a guest who it is: what is decided once and kept in the record, and the disk that says so at each start.
import { Failure, messageOf } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import type { RunAs } from '../../host/runas.js'
import { saltOf, sha512Crypt } from '../../guest/crypt.js'
import { ignitionText } from '../../guest/ignition.js'
import { makeKey, type KeyPair } from '../../guest/key.js'
import { loginKeys } from '../../guest/keys.js'
import { mountCommands } from '../../guest/mounts.js'
import { checkUserData } from '../../guest/multipart.js'
import { hostnameOf, seedFiles, seedImage, type Seed } from '../../guest/seed.js'
import type { Machine } from '../../model/machine.js'
import { randomBytes } from '../../sys/crypto.js'
import { homeFolder } from '../../sys/environment.js'
import { giveTo, readBytes, remove, stat, writeBytes, writeWhole } from '../../sys/file.js'
import { readPlain } from '../../sys/plain.js'
import { isFree } from '../../sys/socket.js'
import { randomUuid } from '../record/identity.js'
import { readRecord, recordFolder, updateRecord, type MachineRecord } from '../record/record.js'
import { candidatePorts, keyFiles, loginUser, needsPort, seedKind, sshAlias } from '../record/seed.js'
import type { Vm } from '../record/vm.js'

/** Larger than any pair of keys. */
const keyBytes = 16 * 1024

/** So many ports are tried. */
const portTries = 100

/** Decides, for a VM that is being started and has a seed, what stays as it is from then on: identity, user, keys, port. */
export async function claimSeed(vm: Vm): Promise<void> {
  const { place, id, settings } = vm
  const record = readRecord(place, id)
  if (record === undefined) return
  makeKeys(vm)
  const seed = record.seed ?? { instanceId: randomUuid(), user: loginUser(settings, record) ?? 'root' }
  const sshPort = needsPort(settings) ? await claimPort(record) : record.sshPort
  await updateRecord(place, id, (now) => ({ ...now, seed, ...(sshPort === undefined ? {} : { sshPort }) }))
}

/** The public half last: where that is, the other is whole. */
function makeKeys({ place, id }: Pick<Vm, 'place' | 'id'>): void {
  const { hostKey, key, knownHosts } = keyFiles(place, id)
  for (const [file, comment] of [
    [hostKey, sshAlias(id)],
    [key, `nbsvm ${id}`],
  ] as const) {
    if (stat(`${file}.pub`) !== undefined) continue
    const pair = makeKey(comment)
    writeWhole(file, pair.secret)
    writeWhole(`${file}.pub`, pair.public)
  }
  if (stat(knownHosts) === undefined) writeWhole(knownHosts, `${sshAlias(id)} ${readKey(hostKey).public}`)
}

/** The guest's own key, by which ssh knows it; it is made where there is none. */
export function hostKeyOf(vm: Pick<Vm, 'place' | 'id'>): KeyPair {
  makeKeys(vm)
  return readKey(keyFiles(vm.place, vm.id).hostKey)
}

function readKey(file: string): KeyPair {
  const [secret, half] = [file, `${file}.pub`].map((name) => readPlain(name, keyBytes)?.text)
  if (secret !== undefined && half !== undefined) return { secret, public: half }
  throw new Failure(`there is no key ${secret === undefined ? file : `${file}.pub`}`, {
    code: 'FILE_MISSING',
    hints: [`let both halves be made again: rm -f ${quoteWord(file)} ${quoteWord(`${file}.pub`)}`],
  })
}

/** The port that it had, as long as nobody else has it now. */
async function claimPort({ uuid, sshPort }: MachineRecord): Promise<number> {
  for (const port of [...(sshPort === undefined ? [] : [sshPort]), ...candidatePorts(uuid, portTries)]) {
    if (await isFree(port)) return port
  }
  throw new Failure('no port of this machine is free for ssh', {
    code: 'PORT_TAKEN',
    hints: ['name one yourself: forward=PORT:22'],
  })
}

/** Writes what the guest will read; `note` is told what is not in it. The VM's own folder `run` is there. */
export function laySeed(
  vm: Vm,
  { machine, runAs }: { readonly machine: Machine; readonly runAs: RunAs },
  note?: (text: string) => void,
): void {
  const record = readRecord(vm.place, vm.id)
  if (machine.seed === undefined || record === undefined) return
  const seed = seedOf(vm, record, machine, note)
  const { drawer } = vm
  if (machine.seed.kind === 'disk') {
    writeWhole(drawer.seed, seedImage(seed))
    return
  }
  const file = `${drawer.run}/${machine.seed.path}`
  remove(file)
  writeBytes(file, Buffer.from(textOf(vm, record, seed)))
  giveTo(file, runAs)
}

function textOf({ settings }: Vm, record: MachineRecord, seed: Seed): string {
  return ignitionText({ ...seed, user: loginUser(settings, record) ?? 'core' })
}

/** A text of the seed, as `explain` shows it: without the halves of keys, and the hash of a password, that are nobody's business. */
export interface SeedText {
  readonly name: string
  readonly text: string
}

/** What the guest would be told. */
export function describeSeed(vm: Vm, record: MachineRecord, machine: Machine): SeedText[] {
  if (machine.seed === undefined) return []
  const hidden = '(not shown)'
  const made = { instanceId: 'made at the first start', user: loginUser(vm.settings, record) ?? 'root' }
  const full = seedOf(vm, { ...record, seed: record.seed ?? made }, machine)
  const seed: Seed = {
    ...full,
    hostKey: { secret: hidden, public: full.hostKey.public },
    passwordHash: full.passwordHash === undefined ? undefined : hidden,
    userData: undefined,
  }
  const texts =
    machine.seed.kind === 'ignition'
      ? [{ name: 'ignition', text: textOf(vm, record, seed) }]
      : seedFiles(seed).map(({ name, bytes }) => ({ name, text: bytes.toString('utf8') }))
  const { userData } = full
  return userData === undefined
    ? texts
    : [...texts, { name: `user-data of ${vm.settings.user_data}`, text: userData.toString('utf8') }]
}

function seedOf(vm: Vm, record: MachineRecord, { nics, shares }: Machine, note?: (text: string) => void): Seed {
  const { settings, name, place, id } = vm
  const { hostKey, key } = keyFiles(place, id)
  const isMade = stat(`${recordFolder(place, id)}/ssh_key.pub`) !== undefined
  const own: KeyPair = { secret: '', public: 'made at the first start' }
  const { seed } = record
  const kind = seedKind(settings, record)
  // Whom the image makes by itself is known of images of the catalogue.
  const isImages = settings.user === undefined && record.image?.traits.os !== undefined && record.image.traits.user === seed?.user
  return {
    kind: kind === 'nuageinit' ? kind : 'nocloud',
    instanceId: seed?.instanceId ?? '',
    hostname: hostnameOf(name),
    user: isImages ? undefined : (settings.user ?? seed?.user),
    keys: [...loginKeys(settings.ssh_key, homeFolder(), note), (isMade ? readKey(key) : own).public.trim()],
    hostKey: isMade ? readKey(hostKey) : own,
    packages: settings.packages ?? [],
    passwordHash: settings.password === undefined ? undefined : hashOf(settings.password),
    mounts: mountCommands(shares),
    macs: 'words' in nics ? undefined : nics.map(({ mac }) => mac),
    userData: settings.user_data === undefined ? undefined : userDataOf(settings.user_data, kind),
  }
}

const userDataBytes = 4 * 1024 * 1024

function userDataOf(setting: string, kind: ReturnType<typeof seedKind>): Buffer {
  const file = inHome(setting)
  const bytes = readOwn('user_data', file, userDataBytes)
  if (kind === 'nocloud') checkUserData(bytes, file)
  if (kind !== 'nuageinit') return bytes
  throw new Failure("user_data: this system is set up by nuageinit, which takes one text only, and that is nbsvm's", {
    hints: ['leave it out: user_data=none'],
  })
}

/** The hash of the password in a file's first line, or that line itself where it is one already. */
function hashOf(setting: string): string {
  const file = inHome(setting)
  const bytes = readOwn('password', file, keyBytes)
  const mode = stat(file)?.mode ?? 0
  if ((mode & 0o077) !== 0) {
    throw new Failure(`password: others may read ${file}`, {
      code: 'NOT_ALLOWED',
      hints: [`make it yours alone: chmod 600 ${quoteWord(file)}`],
    })
  }
  const line = bytes.toString('utf8').split('\n')[0] ?? ''
  if (line === '') throw new Failure(`password: the first line of ${file} is empty`)
  return /^\$[0-9a-z]+\$[./0-9A-Za-z$=,+-]+$/.test(line) ? line : sha512Crypt(line, saltOf(randomBytes(16)))
}

const inHome = (setting: string): string => setting.replace(/^~(?=\/)/, homeFolder())

function readOwn(setting: string, file: string, mostBytes: number): Buffer {
  try {
    const bytes = readBytes(file, mostBytes)
    if (bytes !== undefined) return bytes
  } catch (error) {
    throw new Failure(`${setting}: cannot read ${file}: ${messageOf(error)}`)
  }
  throw new Failure(`${setting}: there is no file ${file}`, { code: 'FILE_MISSING' })
}
