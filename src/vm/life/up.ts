import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { lstat } from '../../sys/file.js'
import { holderOf } from '../../sys/lock.js'
import { isAdopted } from '../record/added.js'
import { isRunning, qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'

/**
 * Whether a VM has a QEMU, or is just getting one. Its lock says so, not whether its process can be seen: that may be in another
 * pid namespace, or /proc hidden. Where another nbsvm is at work on a VM that is off, the caller is told who, and what it does.
 */
export function isUp({ id, drawer }: Pick<Vm, 'id' | 'drawer'>, { note }: Caller = {}): boolean {
  if (!isRunning(drawer)) return false
  if (qemuPid(drawer) !== undefined) return true
  const holder = holderOf(drawer.lock)
  if (holder === undefined || holder.doing.startsWith('start ')) return true
  note?.(`${id} is being worked on by pid ${holder.pid}: ${holder.doing}`)
  return false
}

/** Throws a Failure that says how to start it when the VM does not run. `doing` is for that message. */
export function requireRunning(vm: Pick<Vm, 'id' | 'drawer' | 'call'>, doing: string): void {
  const why: string[] = []
  if (isUp(vm, { note: (text) => void why.push(text) })) return
  throw new Failure([`cannot ${doing} ${vm.id}: it is not running`, ...why].join('; '), {
    code: 'VM_NOT_RUNNING',
    hints: [`start it: ${vm.call} start`],
  })
}

/** What a command line of QEMU has for each socket. */
const options = {
  console: '-serial unix:PATH,server=on,wait=off',
  monitor: '-monitor unix:PATH,server=on,wait=off',
  agent: '-chardev socket,id=agent,path=PATH,server=on,wait=off and a virtserialport for it',
  vnc: '-vnc unix:PATH',
} as const

/** The same for what needs one of its sockets, which a QEMU that was started by hand may not have. */
export function requireSocket(vm: Pick<Vm, 'id' | 'drawer' | 'call'>, doing: string, socket: keyof typeof options): void {
  requireRunning(vm, doing)
  if (!isAdopted(vm.drawer) || lstat(vm.drawer[socket]) !== undefined) return
  throw new Failure(`cannot ${doing} ${vm.id}: its QEMU was started by hand, without a unix socket for that`, {
    code: 'DEVICE_MISSING',
    hints: [`as nbsvm starts it, with one: ${vm.call} shutdown start`, `by hand it would be: ${options[socket]}`],
  })
}
