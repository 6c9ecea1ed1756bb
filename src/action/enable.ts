import { enableVm, unitHost } from '../service/enable.js'
import type { Verb } from './verb.js'

export const enable: Verb = {
  help: `Writes a systemd unit that starts the VM with this machine and shuts it down with it, and enables it: as root for the system
(/etc/systemd/system/nbsvm-foo.service), as a user for that user (~/.config/systemd/user). Prints its path. Settings in place,
and those in the environment, are kept in it; settings files are read at each start. Nothing is started now.

  nbsvm foo enable
  nbsvm foo mem=2048 timeout=300 enable    always with these
  nbsvm foo newimg enable                  then: systemctl start nbsvm-foo

What systemd started is systemd's to watch: systemctl status nbsvm-foo, journalctl -u nbsvm-foo (--user for a user's). nbsvm foo
shutdown and stop end it too. A VM that you start by hand is yours to shut down. A user's VMs start at the first login and end
with the last one, unless loginctl enable-linger was typed once. A unit of that name which nbsvm did not write is left alone.`,

  async run({ vm, outside, out, note }) {
    const host = unitHost(outside)
    const { file, name, todo } = await enableVm(vm, outside, host)
    out(file)
    if (todo.length > 0) note(`systemd does not run here; where it does, type: ${todo.join(' && ')}`)
    else note(`${vm.id} will start and shut down with this machine; to start it now: ${startLine(name, host.isSystem)}`)
    if (!host.lingers) note('it starts when you log in and ends when you log out; with the machine: loginctl enable-linger')
  },
}

function startLine(name: string, isSystem: boolean): string {
  return `systemctl ${isSystem ? '' : '--user '}start ${name}`
}
