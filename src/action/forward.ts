import { parseClosings, parseForwards } from '../model/forward.js'
import { addForwards, holdForwards, removeForwards } from '../vm/reach/forward.js'
import type { Verb } from './verb.js'

export const forward: Verb = {
  help: `Opens ports of this machine that lead into the running VM, and closes them again with --remove: PORTS are HOST:GUEST, the port here
and the one in the guest. They listen on the loopback address unless another is written before them; what is open to the network
is open to everybody there. All that leads into a VM is listed by status and ls, and closed when the VM ends: the setting
forward opens ports with each start.

  nbsvm foo forward 8080:80
  nbsvm foo forward 5353:53/udp 8000-8010:8000-8010
  nbsvm foo forward 0.0.0.0:8080:80         on every address of this machine
  nbsvm foo forward --remove 8080 -- status
  nbsvm foo forward --hold 8080:80          until Ctrl-C

passt opens ports only when it starts: where it serves the network, each port that comes later is carried by an ssh into the guest,
tcp only, which status shows among the helper programs. A VM on a tap is reached at its own address.

Ports into a VM on another machine (nbsvm box2:foo forward 8080:80) are opened there, on the loopback address, and here, through the
connection, which is kept for them: an ssh here, and an nbsvm there, run until the VM ends or the port is closed again. tcp only.`,

  async run({ vm, words, flags, signal, out }) {
    if (flags['remove'] === true) await removeForwards(vm, parseClosings(words), { signal })
    else if (flags['hold'] === true) await holdForwards(vm, parseForwards(words), { signal, onOpen: out })
    else await addForwards(vm, parseForwards(words), { signal })
  },
}
