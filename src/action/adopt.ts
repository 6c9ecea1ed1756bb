import { adoptQemu } from '../vm/archive/adopt.js'
import type { Verb } from './verb.js'

export const adopt: Verb = {
  help: `Makes a VM of a QEMU that you have started by hand, as it runs. It goes on undisturbed: nbsvm looks at its command
line, connects to the sockets that this names, and has it open two files of nbsvm's, by which it is known as that VM. A VM of
that name must not be there.

  qemu-system-x86_64 -m 2G -hda disk.qcow2 -qmp unix:/tmp/q.sock,server=on,wait=off -serial unix:/tmp/s.sock,server=on,wait=off &
  nbsvm foo adopt $!
  nbsvm foo console

It must be yours, and must have QMP on a unix socket, at which nobody is just then (-qmp, or -mon with mode=control). Then ls
and status show it as it is, and stop, shutdown, reset, pause, resume, balloon, key and screenshot work; so do, where its line
names a unix socket for it, console and type (-serial), monitor (-monitor), vnc (-vnc), exec, cp and wait agent (a port of the
guest agent), and ssh by a port that it forwards. There is no log of what was said before you look, and nobody writes down why
it ends.

Its drives and devices are not nbsvm's as long as it runs: what freezes, copies, moves or changes those is refused.

When it has ended, foo is a VM that is off. Its settings are those of the line, in its file NAME.vm; what cannot be taken over
is named at once, as import --qemu does it. Its disks stay the very files that they are, where they are: the setting drives
holds your options for them. So start makes that machine again, from these files, and rm removes none of them. For drives of
nbsvm's own, which are copies:

  nbsvm bar import --qemu 'qemu-system-x86_64 -m 2G -hda disk.qcow2'

A small process, holder, keeps the VM's lock as long as that QEMU lives. Where that is killed, QEMU goes on: adopt it again.`,

  async run({ vm, words: [pid = ''], note, signal, outside }) {
    const { id, state, has, added } = await adoptQemu(vm, Number(pid), { outside, note, signal })
    note(`adopted pid ${pid} as ${id}, which is ${state}`)
    const reached = has.map((what) => `${vm.call} ${what === 'agent' ? 'exec' : what}`)
    if (reached.length > 0) note(`  reach it: ${reached.join('; ')}`)
    if (added.length > 0) note(`its settings, from its next start on: ${added.join(' ')}`)
  },
}
