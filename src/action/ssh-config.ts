import { configBlock } from '../vm/reach/sshentry.js'
import type { ToldEntry } from '../vm/reach/jump.js'
import { entries, type Found } from './entries.js'
import type { Command } from './verb.js'

export const sshConfig: Command = {
  help: `Prints what ssh must know of the VMs that it can reach, or of those that are named, as ssh_config(5) has it, for all that goes by
ssh: scp, rsync, sftp, editors. A VM on the user network keeps its port, so what is printed stays true; one on a bridge is printed
while it answers.

  nbsvm ssh-config >~/.ssh/nbsvm           then, as the first line of ~/.ssh/config: Include nbsvm
  rsync -a site/ nbsvm-web:/srv/
  nbsvm ssh-config web db >hosts; ssh -F hosts nbsvm-web
  nbsvm ssh-config : box2: >~/.ssh/nbsvm   those of box2 too: ssh nbsvm-web.box2

VMs of another machine are reached through it. nbsvm's own key for such a VM stays there, so it lets in whoever ssh_key names:
nbsvm box2:web ssh_key=~/.ssh/id_ed25519.pub image=debian newimg start. With --json: id, class, host, port, user and hostKey of each.`,

  async run(context) {
    const found = await entries(context)
    if (context.flags['json'] === true) context.out(JSON.stringify(found.map(told), undefined, 2))
    else if (found.length > 0) context.out(found.map(({ entry }) => configBlock(entry)).join('\n\n'))
  },
}

function told({ id, vmClass, entry: { host, port, user, hostKey } }: Found): ToldEntry {
  return { id, class: vmClass ?? null, host, port, user, hostKey: hostKey ?? null }
}
