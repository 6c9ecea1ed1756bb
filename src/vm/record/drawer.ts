import { qemuFiles } from '../../qemu/socket.js'

/** The files of a VM's drawer, each named here and nowhere else (QEMU's own names for its part are in qemu/socket.ts). */
export interface Drawer {
  readonly folder: string
  /** Held by QEMU as long as it lives: who has the lock is the VM. */
  readonly lock: string
  /** QEMU's process number; believed only if that process has `lock` open. */
  readonly pid: string
  /** QMP for short questions. */
  readonly qmp: string
  /** QMP for what takes long, one client at a time: who holds `jobsLock`. */
  readonly jobs: string
  /** Held by who is connected to `jobs`; says which process that is, and what it does. */
  readonly jobsLock: string
  readonly monitor: string
  readonly console: string
  /** What came out of the serial port since power-on. */
  readonly consoleLog: string
  readonly vnc: string
  /** Where passt serves the network, if it does. */
  readonly passt: string
  /** QEMU's events and what nbsvm did, a JSON object a line: why a VM is gone. */
  readonly events: string
  /** QEMU's own words: why it refused to start, or died. */
  readonly qemuLog: string
  /** The command line as it was started, ready to paste. */
  readonly command: string
  /** The taps that were made for it, one a line: to be removed when it is gone. */
  readonly taps: string
  /** The VM's class, where it has one: the id alone does not tell `win-foo` from `foo` in class `win`. */
  readonly class: string
}

/** The drawer of the VM `id` in the folder of drawers. */
export function drawerOf(stateFolder: string, id: string): Drawer {
  const folder = `${stateFolder}/${id}`
  // Not path.join: a list of a thousand VMs makes ten thousand of these.
  const inside = (name: string): string => `${folder}/${name}`
  return {
    folder,
    lock: inside('lock'),
    pid: inside(qemuFiles.pid),
    qmp: inside(qemuFiles.qmp),
    jobs: inside(qemuFiles.jobs),
    jobsLock: inside(`${qemuFiles.jobs}.lock`),
    monitor: inside(qemuFiles.monitor),
    console: inside(qemuFiles.console),
    consoleLog: inside(qemuFiles.consoleLog),
    vnc: inside(qemuFiles.vnc),
    passt: inside(qemuFiles.passt),
    events: inside(qemuFiles.events),
    qemuLog: inside('qemu.log'),
    command: inside('command'),
    taps: inside('taps'),
    class: inside('class'),
  }
}
