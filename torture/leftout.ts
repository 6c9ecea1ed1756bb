// What is not in the table of verbs.

/** Actions and commands that are not in the table, and why. */
export const leftOut: Readonly<Record<string, string>> = {
  move: 'needs another machine: the row `moves`',
  send: 'a part of move',
  receive: 'a part of move',
  enable: 'writes a unit of systemd, whole or not at all: test/enable.test.ts',
  disable: 'as enable',
  forward: 'needs a network with ports, which these VMs do without: test/reach-forward.test.ts',
  eject: 'a change of QEMU alone, as attach and detach',
  screenshot: 'writes one file of the user',
  pacemaker: 'writes files of the system: src/service/pacemaker.test.ts',
  adopt: 'needs a QEMU of somebody else: test/adopt.test.ts ends it in its midst',
  cp: 'test/cp.test.ts ends it in its midst',
  ...Object.fromEntries(
    ['ssh', 'console', 'monitor', 'vnc', 'web', 'exec', 'log', 'wait', 'type', 'key', 'run', 'status', 'explain'].map((name) => [
      name,
      'changes nothing of nbsvm on this machine',
    ]),
  ),
  ...Object.fromEntries(
    ['ls', 'ssh-config', 'inventory', 'doctor', 'help', 'completion', 'man', 'version'].map((name) => [name, 'changes nothing']),
  ),
}
