// Clones a volume and kills itself with SIGKILL: `node killed.js VG POOL|- ID SOURCE STEP`. STEP counts the programs that are
// run after the first `lvs`: it dies just before step 1, 2, ...; `copy` dies in the midst of the copy.
// Ends with 0 when the clone was finished before.
import { run, type Run } from '../../src/sys/process.js'
import { lvmStore } from '../../src/store/lvm/lvmstore.js'

const [vg = '', pool = '-', id = '', gold = '', step = ''] = process.argv.slice(2)
let steps = 0

const die = (): void => void process.kill(process.pid, 'SIGKILL')

const mortal: Run = (command, options) => {
  if (command[0] !== 'lvs' && ++steps === Number(step)) die()
  return run(command, options)
}

const store = lvmStore({
  vg,
  pool: pool === '-' ? undefined : pool,
  run: mortal,
  asRoot: mortal,
  probe: () => Promise.reject(new Error('no files here')),
})
const source = await store.findSource({ gold, vmClass: undefined, snapshotLv: undefined, source: undefined, trust: false })
await store.clone(id, source, {
  live: {
    runs: () => false,
    activeFile: () => Promise.resolve(undefined),
    switchTo: () => Promise.resolve(),
    grow: () => Promise.resolve(),
  },
  onProgress: (doneBytes) => {
    if (step === 'copy' && doneBytes > 0) die()
  },
})
