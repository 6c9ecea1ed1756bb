// A second QEMU beside that of a running VM: it takes its guest's state in, is never run, and ends with this nbsvm.
import { attempt } from '../../core/attempt.js'
import { Failure, messageOf } from '../../core/errors.js'
import { makeTaps, removeTaps } from '../../net/tap.js'
import { qemuCommand } from '../../qemu/command.js'
import { qemuEnvironment } from '../../qemu/environment.js'
import { connectQmp, QemuEnded, type Qmp } from '../../qemu/qmp.js'
import { qemuFiles } from '../../qemu/socket.js'
import type { Machine } from '../../model/machine.js'
import type { RunAs } from '../../host/runas.js'
import { environment } from '../../sys/environment.js'
import { appendText, close, giveTo, makePrivateFolder, open, readTail } from '../../sys/file.js'
import { run, startDetached, tied } from '../../sys/process.js'
import { removeTree } from '../../sys/removal.js'
import { elevated } from '../../sys/sudo.js'
import { tapsOf } from '../life/taps.js'
import type { Vm } from '../record/vm.js'

const answerTimeoutMs = 60_000

/** Enough of its words for the reason why it ended. */
const wordsBytes = 4096

/** By this name the VM's own QEMU finds it. */
export const rendezvous = 'twin'

export interface Twin {
  readonly qmp: Qmp
  /** Its folder, which is its user's. */
  readonly folder: string
  /** Rejects when it ends. */
  readonly lost: Promise<never>
  /** Ends it, and removes what it had. */
  readonly end: () => Promise<void>
}

/** Its folder, empty. Nothing is there of one that was left behind: those end with who started them. */
export function makeTwinFolder({ drawer }: Vm, runAs: RunAs): string {
  removeTree(drawer.twin)
  makePrivateFolder(drawer.twin)
  if (runAs.prefix.length > 0) giveTo(drawer.twin, runAs)
  return drawer.twin
}

/** Starts it. Resolves once it answers; rejects with a Failure that has its words, or with the signal's reason. */
export async function startTwin(vm: Vm, machine: Machine, runAs: RunAs, signal: AbortSignal | undefined): Promise<Twin> {
  const { drawer } = vm
  const folder = drawer.twin
  const asRoot = elevated(run, 'a tap is a network device of the host')
  const taps = tapsOf(machine, runAs.uid)
  const names = taps.map(({ name }) => name)
  // Whatever happens, they go with the VM's own.
  if (taps.length > 0) appendText(drawer.taps, names.map((name) => `${name}\n`).join(''))
  await makeTaps(taps, asRoot)
  const words = `${drawer.folder}/twin.log`
  const files = [open('/dev/null', 'read'), ...machine.handed.map(({ path, mode }) => open(path, mode))]
  const output = open(words, 'truncate')
  const env = qemuEnvironment(environment, { isOwnUser: machine.prefix.length === 0 })
  const child = startDetached(qemuCommand(machine), { cwd: folder, output, pass: files, env })
  for (const fd of [...files, output]) close(fd)
  const lost = child.ended.then(
    (status) => {
      const why = (readTail(words, wordsBytes) ?? '').trim().replaceAll(/^\S*qemu-system-\S+: /gm, '')
      throw new Failure(`the QEMU that takes its state in ended: ${why || `exit status ${status}`}`, { code: 'QEMU_REFUSED' })
    },
    (error: unknown) => {
      throw new Failure(`the QEMU that takes its state in cannot run: ${messageOf(error)}`, { code: 'QEMU_REFUSED' })
    },
  )
  lost.catch(() => {})
  const end = async (): Promise<void> => {
    child.kill()
    await child.ended.catch(() => {})
    if (taps.length > 0) await removeTaps(names, asRoot)
    // The next twin begins with that, whatever is left here.
    attempt(() => removeTree(folder))
  }
  try {
    const qmp = await connectQmp(`${folder}/${qemuFiles.qmp}`, { timeoutMs: answerTimeoutMs, ended: child.ended, signal })
    return { qmp, folder, lost, end }
  } catch (error) {
    // One that has ended has said why.
    const why: unknown = error instanceof QemuEnded ? await lost.catch((reason: unknown) => reason) : error
    await end()
    signal?.throwIfAborted()
    throw why
  }
}

/** A command that ends when this nbsvm does, however that ends. */
export function tiedPrefix({ prefix }: Pick<RunAs, 'prefix'>): readonly string[] {
  return [...prefix, ...tied([])]
}
