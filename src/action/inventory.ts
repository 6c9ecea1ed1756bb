import { quoteWord } from '../core/words.js'
import { ansibleVariables } from '../vm/reach/sshentry.js'
import { entries, type Found } from './entries.js'
import type { Command } from './verb.js'

/** The group of all, and of those without a class. */
const everybody = 'nbsvm'

export const inventory: Command = {
  help: `Prints the VMs that ssh can reach as an inventory for Ansible: a group for each class, and nbsvm for all of them.

  nbsvm inventory >hosts.ini && ansible-playbook -i hosts.ini site.yml
  nbsvm inventory : box2:     those of box2 too, through it: web.box2 (see: nbsvm help ssh-config)
  nbsvm inventory --json      what a script that is an inventory prints; the file hosts.sh, made executable, may be:
                              #!/bin/sh
                              exec nbsvm inventory --json`,

  async run(context) {
    const found = await entries(context)
    context.out(context.flags['json'] === true ? JSON.stringify(asObject(found), undefined, 2) : asIni(found))
  },
}

function groupsOf(found: readonly Found[]): Map<string, string[]> {
  const groups = new Map<string, string[]>([[everybody, found.map(({ id }) => id)]])
  for (const { id, vmClass } of found) {
    if (vmClass === undefined) continue
    // Ansible takes letters, digits and underscores.
    const name = `class_${vmClass.replaceAll(/\W/g, '_')}`
    groups.set(name, [...(groups.get(name) ?? []), id])
  }
  return groups
}

/** https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html */
function asObject(found: readonly Found[]): object {
  const groups = [...groupsOf(found)].map(([name, hosts]) => [name, { hosts }])
  const variables = found.map(({ id, entry }) => [id, ansibleVariables(entry)])
  return { ...Object.fromEntries(groups), _meta: { hostvars: Object.fromEntries(variables) } }
}

function asIni(found: readonly Found[]): string {
  const [, ...classes] = groupsOf(found)
  const sections = classes.map(([name, hosts]) => ['', `[${name}]`, ...hosts].join('\n'))
  return [`[${everybody}]`, ...found.map(hostLine), ...sections].join('\n')
}

function hostLine({ id, entry }: Found): string {
  const words = Object.entries(ansibleVariables(entry)).map(([name, value]) => `${name}=${quoteWord(String(value))}`)
  return [id, ...words].join(' ')
}
