import { forkVm } from '../vm/frozen/fork.js'
import type { Verb } from './verb.js'

export const fork: Verb = {
  help: `Makes a VM that goes on where gold was frozen, and starts it: its guest has booted already. RAM and drives are those of the template until
either is written to, so a fork costs little.

  nbsvm base image=debian newimg start wait agent freeze
  nbsvm t1,t2,t3 gold=base fork exec make test
  nbsvm 't*' stop rm --yes
  nbsvm t1 gold=base identity=no fork     as it is, the clock too: for a guest without an agent

It is a machine of its own: UUID, MAC addresses, ports of this machine. And before fork returns its guest's agent has given it another name,
machine-id, keys of its sshd, random numbers, addresses, and the right time; its network is cut until then. Where that cannot be done there
is no fork, unless identity=no says so. Secrets that were in the memory of programs are in each fork. A setting that its guest has seen (mem,
smp, cpu ...) cannot be another one.`,

  async run({ vm, note, signal }) {
    const { pid, template } = await forkVm(vm, { note, signal })
    note(`forked ${vm.id} from ${template}, as pid ${pid}`)
  },
}
