/**
 * What QEMU calls its sockets, relative to its working directory, `run` in the VM's drawer: short names are safe from
 * commas and from the 107 bytes that a socket's path may have.
 */
export const qemuFiles = {
  qmp: 'qmp.sock',
  jobs: 'jobs.sock',
  monitor: 'monitor.sock',
  console: 'console.sock',
  agent: 'agent.sock',
  vnc: 'vnc.sock',
  passt: 'passt.sock',
  tpm: 'tpm.sock',
} as const
