// What QEMU gets so that it can open its drives: a configuration of its own, in its own folder, that is the machine's with one key added,
// that of the drives' user. So QEMU's user can read no other key, and needs no right to any file of Ceph's.
import { Failure, messageOf } from '../../core/errors.js'
import { quoteWord, quoteWords } from '../../core/words.js'
import { ownConf } from '../../model/blocknode.js'
import { readRegular } from '../../sys/file.js'
import type { QemuFile } from '../store.js'
import type { Cluster } from './rbdcall.js'

const mostBytes = 1024 ** 2

/** How long QEMU looks for the cluster when it starts; for ever, as Ceph has it by itself, would look like a hang. */
const findSeconds = 20

/** Reads the machine's configuration and the user's key. Throws a Failure that names what cannot be read. */
export async function filesForQemu(cluster: Cluster): Promise<QemuFile[]> {
  const { conf, user } = cluster
  const text = readConf(conf)
  const keyring = (await keyrings(cluster)).find((file) => keyIn(readQuietly(file) ?? '', user) !== undefined)
  // Without one, the configuration itself may say what to do.
  const key = keyring === undefined ? undefined : keyIn(readQuietly(keyring) ?? '', user)
  const making = [
    `cat ${quoteWord(conf)}`,
    `printf '\\n%s\\n' ${quoteWord(ownSection(user))}`,
    ...(keyring === undefined
      ? []
      : [`printf 'key = %s\\n' "$(${quoteWords(['ceph-authtool', '--print-key', '--name', `client.${user}`, keyring])})"`]),
  ]
  const added = `\n${ownSection(user)}\n${key === undefined ? '' : `key = ${key}\n`}`
  return [{ name: ownConf, text: text + added, making: `{ ${making.join('; ')}; }` }]
}

/** Later words are the last: what the machine's own section of this user says of these, a log file above all, is not for QEMU. */
function ownSection(user: string): string {
  return [
    `[client.${user}]`,
    `client mount timeout = ${findSeconds}`,
    `rados mon op timeout = ${findSeconds}`,
    'admin socket =',
    'log file =',
  ].join('\n')
}

function readConf(conf: string): string {
  try {
    const text = readRegular(conf, mostBytes)
    if (text !== undefined) return text
  } catch (error) {
    throw new Failure(`cannot read ${conf}, which says where Ceph's monitors are: ${messageOf(error)}`)
  }
  throw new Failure(`there is no ${conf}, which says where Ceph's monitors are`, {
    code: 'FILE_MISSING',
    hints: ['name another: ceph_conf=PATH'],
  })
}

function readQuietly(file: string): string | undefined {
  try {
    return readRegular(file, mostBytes)
  } catch {
    return undefined
  }
}

/** Where Ceph looks for the user's key, the first first. */
async function keyrings(cluster: Cluster): Promise<string[]> {
  const { conf, user, run } = cluster
  const words = ['ceph-conf', '--conf', conf, '--name', `client.${user}`, '--show-config-value', 'keyring']
  const { status, stdout } = await run(words, { timeoutMs: 5000 }).catch(() => ({ status: 1, stdout: '' }))
  const usual = [`/etc/ceph/ceph.client.${user}.keyring`, '/etc/ceph/ceph.keyring', '/etc/ceph/keyring']
  const named = status === 0 ? stdout.trim().split(',') : []
  return (named.length === 0 ? usual : named).map((file) => file.trim()).filter((file) => file.startsWith('/'))
}

/** The key of a user in a keyring; undefined where it has none. */
export function keyIn(keyring: string, user: string): string | undefined {
  let isOurs = false
  for (const line of keyring.split('\n')) {
    const section = /^\s*\[(?<name>[^\]]+)\]\s*$/.exec(line)?.groups?.['name']
    if (section !== undefined) isOurs = section.trim() === `client.${user}`
    const key = /^\s*key\s*=\s*(?<key>[A-Za-z0-9+/]{20,200}={0,2})\s*$/.exec(line)?.groups?.['key']
    if (isOurs && key !== undefined) return key
  }
  return undefined
}
