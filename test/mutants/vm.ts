import type { Mutation } from './mutation.js'

const runas = 'src/host/runas.ts'
const runasTest = 'src/host/runas.test.ts'
const record = 'src/vm/record/record.ts'
const recordTest = 'src/vm/record/record.test.ts'
const drawer = 'src/vm/record/drawer.ts'
const drawerTest = 'src/vm/record/drawer.test.ts'
const user = 'src/vm/record/user.ts'
const userTest = 'src/vm/record/user.test.ts'
const state = 'src/vm/record/state.ts'
const stateTest = 'src/vm/record/state.test.ts'

export const vm: readonly Mutation[] = [
  {
    fault: "root's QEMU may get capabilities back",
    file: runas,
    from: "['--inh-caps', '-all', '--bounding-set', '-all', '--no-new-privs']",
    to: "['--inh-caps', '-all', '--no-new-privs']",
    test: runasTest,
  },
  {
    fault: "root's QEMU may run programs that make it root",
    file: runas,
    from: "'-all', '--no-new-privs']",
    to: "'-all']",
    test: runasTest,
  },
  {
    fault: "root's QEMU stays in root's groups",
    file: runas,
    from: "['--groups', String(kvm.gid)] : ['--clear-groups']",
    to: "['--keep-groups'] : ['--keep-groups']",
    test: runasTest,
  },
  {
    fault: "root's QEMU has root's group",
    file: runas,
    from: "'--regid', String(gid)",
    to: "'--regid', '0'",
    test: runasTest,
  },
  {
    fault: 'two VMs get one user',
    file: runas,
    from: 'if (!taken.has(uid) && !named.has(uid)) return uid',
    to: 'if (taken !== undefined && !named.has(uid)) return uid',
    test: runasTest,
  },
  {
    fault: "a VM gets an account's user",
    file: runas,
    from: 'if (!taken.has(uid) && !named.has(uid)) return uid',
    to: 'if (!taken.has(uid)) return uid',
    test: runasTest,
  },
  {
    fault: 'what lives on without the lock is not looked for',
    file: user,
    from: 'if (user === undefined || pids.length === 0) return\n  throw',
    to: 'if (user === undefined || pids.length >= 0) return\n  throw',
    test: userTest,
  },
  {
    fault: 'what lives on without the lock is not ended',
    file: user,
    from: '  await killProcesses(user)\n',
    to: '',
    test: userTest,
  },
  {
    fault: 'a VM is started beside what lives on of it',
    file: 'src/vm/life/start.ts',
    from: '    await refuseSurvivors(vm, `start ${vm.id}`)\n',
    to: '',
    test: 'test/root-strangers.test.ts',
    only: 'lives on',
  },
  {
    fault: "a VM's drives are changed beside what lives on of it",
    file: 'src/vm/drive/drives.ts',
    from: '    await refuseSurvivors(vm, doing)\n',
    to: '',
    test: 'test/root-strangers.test.ts',
    only: 'lives on',
  },
  {
    fault: 'a damaged record counts as none, and a new one is made',
    file: record,
    from: '    throw new Failure(`the record of ${id} is damaged',
    to: '    if (error !== undefined) return undefined\n    throw new Failure(`the record of ${id} is damaged',
    test: recordTest,
  },
  {
    fault: 'a record that cannot be read counts as none',
    file: record,
    from: '    throw new Failure(`cannot read the record of ${id}`',
    to: '    if (error !== undefined) return undefined\n    throw new Failure(`cannot read the record of ${id}`',
    test: recordTest,
  },
  {
    fault: 'a generation id stays what it was',
    file: record,
    from: '{ ...record, generation: randomUuid() }',
    to: '{ ...record, generation: record.generation }',
    test: recordTest,
  },
  {
    fault: 'who comes second makes the record again',
    file: record,
    from: '    if (meanwhile !== undefined) return { record: ofThisVm(meanwhile, vm), isNew: false }\n',
    to: '    if (meanwhile !== undefined) ofThisVm(meanwhile, vm)\n',
    test: recordTest,
  },
  {
    fault: 'two pairs of class and name share a record',
    file: record,
    from: 'if (there.class === wanted.class) return\n',
    to: 'if (there.class === wanted.class || id !== "") return\n',
    test: recordTest,
  },
  {
    fault: 'a record that was there is removed where the work fails',
    file: record,
    from: 'if (isNew && (await isNothing()',
    to: 'if ((await isNothing()',
    test: recordTest,
  },
  {
    fault: 'a record of another VM is believed',
    file: 'src/vm/record/shape.ts',
    from: "  if (vmId(found.name, found.class ?? undefined) !== id) throw new Error('it is the record of another VM')\n",
    to: '',
    test: 'src/vm/record/shape.test.ts',
  },
  {
    fault: 'a record may choose root',
    file: 'src/vm/record/shape.ts',
    from: 'Number(value) > 0 &&',
    to: 'Number(value) >= 0 &&',
    test: 'src/vm/record/shape.test.ts',
  },
  {
    fault: "a drawer that QEMU's user owned stays as it was",
    file: drawer,
    from: '  giveTo(folder, { uid: 0, gid: 0 })\n',
    to: '',
    test: drawerTest,
  },
  {
    fault: "what QEMU's user left in a drawer is believed",
    file: drawer,
    from: '  emptyFolder(folder)\n  for',
    to: '  for',
    test: drawerTest,
  },
  {
    fault: 'a drawer that others may enter stays open',
    file: drawer,
    from: 'if ((found.mode & 0o077) !== 0) setMode(folder, 0o700)',
    to: 'if ((found.mode & 0o077) !== 0) setMode(folder, found.mode)',
    test: drawerTest,
  },
  {
    fault: "root keeps drawers in a user's folder",
    file: drawer,
    from: '  if (home !== undefined && home.uid !== uid) throw foreign(parent, home.uid)\n',
    to: '',
    test: drawerTest,
  },
  {
    fault: 'a link takes the place of a drawer',
    file: drawer,
    from: 'const found = lstat(folder)\n  if',
    to: 'const found = stat(folder)\n  if',
    test: drawerTest,
  },
  {
    fault: "QEMU's folder keeps what an earlier QEMU left there",
    file: drawer,
    from: '  removeTree(run)\n',
    to: '',
    test: drawerTest,
  },
  {
    fault: 'a pid is believed of a process that does not have the lock open',
    file: state,
    from: 'return hasOpen(pid, lock) ? pid : undefined',
    to: 'return pid',
    test: stateTest,
  },
  {
    fault: 'the older part of the events is read last',
    file: state,
    from: "(readTail(olderOf(events), journalTailBytes) ?? '') + newest",
    to: "newest + (readTail(olderOf(events), journalTailBytes) ?? '')",
    test: stateTest,
  },
  {
    fault: 'the older part of the events is forgotten',
    file: state,
    from: "(readTail(olderOf(events), journalTailBytes) ?? '') + newest",
    to: 'newest',
    test: stateTest,
  },
  {
    fault: 'what cannot be seen is said to be stopped',
    file: state,
    from: 'if (pid === undefined && (isOver || !isRunning(drawer)))',
    to: 'if (pid === undefined)',
    test: stateTest,
  },
]
