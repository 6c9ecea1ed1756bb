/**
 * What QEMU calls its files, relative to its working directory, which is the VM's drawer: short names are safe from
 * commas and from the 107 bytes that a socket's path may have.
 */
export const qemuFiles = {
  pid: 'pid',
  qmp: 'qmp.sock',
  jobs: 'jobs.sock',
  monitor: 'monitor.sock',
  console: 'console.sock',
  consoleLog: 'console.log',
  vnc: 'vnc.sock',
  passt: 'passt.sock',
  events: 'events.jsonl',
} as const
