import { configBlock } from '../vm/reach/sshentry.js'
import { entries } from './entries.js'
import type { Command } from './verb.js'

export const sshConfig: Command = {
  help: `Prints what ssh must know of the VMs that it can reach, or of those that are named, as ssh_config(5) has it, for all that goes by
ssh: scp, rsync, sftp, editors. A VM on the user network keeps its port, so what is printed stays true; one on a bridge is printed
while it answers.

  nbsvm ssh-config >~/.ssh/nbsvm           then, as the first line of ~/.ssh/config: Include nbsvm
  rsync -a site/ nbsvm-web:/srv/
  nbsvm ssh-config web db >hosts; ssh -F hosts nbsvm-web`,

  async run(context) {
    const found = await entries(context)
    if (found.length > 0) context.out(found.map(({ entry }) => configBlock(entry)).join('\n\n'))
  },
}
