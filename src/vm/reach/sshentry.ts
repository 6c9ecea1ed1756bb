// What ssh is told of a VM: as words of its command, as a file for others (rsync, editors, Ansible).
import { UsageError } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import { readText, stat } from '../../sys/file.js'
import { readRecord } from '../record/record.js'
import { keyFiles, loginUser, sshAlias } from '../record/seed.js'
import type { Vm } from '../record/vm.js'
import type { Address } from './address.js'

/** A guest as ssh knows it. */
export interface SshEntry {
  /** `nbsvm-web`: what its key is kept under, and what it is called in a file. */
  readonly alias: string
  readonly host: string
  readonly port: number
  readonly user: string
  /** Options of ssh_config(5), in order; values as they stand there. */
  readonly options: readonly (readonly [name: string, value: string])[]
  /** The public half of the host key that it must show, as a file of known hosts has it; undefined where nobody has told it its key. */
  readonly hostKey?: string | undefined
}

/**
 * The entry of a VM that answers at an address. Whoever was told its host key by nbsvm must show that; the key of another is kept
 * when it is first seen. Throws a UsageError where nobody knows whom to log in as.
 */
export function entryOf(vm: Vm, { host, port }: Address): SshEntry {
  const { place, id, settings } = vm
  const record = readRecord(place, id)
  const user = loginUser(settings, record ?? {})
  if (user === undefined) {
    throw new UsageError(`nobody has told as whom to log in to ${id}`, {
      code: 'SSH_SILENT',
      hints: [`say it: ${vm.call} user=NAME ssh`],
    })
  }
  const { key, knownHosts, hostKey } = keyFiles(place, id)
  const isSeeded = record?.seed !== undefined && stat(`${key}.pub`) !== undefined
  const isPinned = isSeeded && stat(`${hostKey}.pub`) !== undefined && record.image?.traits.seed !== 'nuageinit'
  const options: [string, string][] = [
    ['HostKeyAlias', sshAlias(id)],
    ['UserKnownHostsFile', sshValue(knownHosts)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', isPinned ? 'yes' : 'accept-new'],
    // Keys of the user's agent would be tried first, and too many of them end the connection.
    ...(isSeeded
      ? ([
          ['IdentityFile', sshValue(key)],
          ['IdentitiesOnly', 'yes'],
        ] as [string, string][])
      : []),
  ]
  const shown = isPinned ? readText(`${hostKey}.pub`)?.split(' ').slice(0, 2).join(' ').trim() : undefined
  return { alias: sshAlias(id), host, port, user, options, hostKey: shown }
}

/** A path as a value: a percent sign would begin a token, a blank the next value. */
function sshValue(path: string): string {
  const text = path.replaceAll('%', '%%')
  return /^[^\s"\\]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

/**
 * The options as words for ssh and scp. The user's own ssh_config is not read: a `Host *` in it, a proxy say, is not meant for this.
 * No master connection is kept: a command takes 0.1 s more without, and leaves nothing running.
 */
export function optionWords({ options, port }: SshEntry): string[] {
  return ['-F', '/dev/null', ...options.flatMap(([name, value]) => ['-o', `${name}=${value}`]), '-o', `Port=${port}`]
}

/** The entry as a block of ssh_config(5). */
export function configBlock({ alias, host, port, user, options }: SshEntry): string {
  const lines = [['HostName', host], ['Port', String(port)], ['User', user], ...options]
  return [`Host ${alias}`, ...lines.map(([name, value]) => `  ${name} ${value}`)].join('\n')
}

/** The entry as Ansible's variables of a host. Arguments are split as a shell does it. */
export function ansibleVariables({ host, port, user, options }: SshEntry): Record<string, string | number> {
  const [identity, others] = [
    options.find(([name]) => name === 'IdentityFile'),
    options.filter(([name]) => name !== 'IdentityFile'),
  ]
  return {
    ansible_host: host,
    ansible_port: port,
    ansible_user: user,
    ...(identity === undefined ? {} : { ansible_ssh_private_key_file: identity[1].replace(/^"|"$/g, '').replaceAll('%%', '%') }),
    ansible_ssh_common_args: others.map(([name, value]) => `-o ${quoteWord(`${name}=${value}`)}`).join(' '),
  }
}
