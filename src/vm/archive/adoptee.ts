// A QEMU that somebody has started by hand: looked at before it is believed to be one, and to be the caller's.
import path from 'node:path'
import { errorCode, Failure } from '../../core/errors.js'
import { quote, shorten } from '../../core/quote.js'
import { ownUid } from '../../sys/environment.js'
import { lstat, readText, stat } from '../../sys/file.js'
import { isLocked } from '../../sys/lock.js'
import { readProcess, type OneProcess } from '../../sys/oneprocess.js'
import { qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { socketsOf, type LineSockets } from './handline.js'
import { splitOptions, type LineOption } from './qemuoptions.js'

export interface Adoptee {
  readonly process: OneProcess
  /** The program that it runs. */
  readonly program: string
  readonly options: readonly LineOption[]
  /** Its sockets that are there, by absolute paths. */
  readonly sockets: LineSockets & { readonly qmp: string }
  /** For the user: what its line names and is not there. */
  readonly missing: readonly string[]
}

/** Looks at it. Throws a Failure for what is no QEMU of the caller's, has no QMP to speak to, or is a VM of nbsvm's already. */
export function readAdoptee(vm: Vm, pid: number): Adoptee {
  const process = lookAt(vm, pid)
  const program = process.program.replace(/ \(deleted\)$/, '')
  if (!/^\.?(?:qemu-system-[a-z0-9_]+|qemu-kvm|qemu)(?:-wrapped)?$/.test(path.basename(program)))
    throw new Failure(`pid ${pid} is not QEMU: it runs ${quote(shorten(program, 200))}`, {
      hints: ['which there are: pgrep -a qemu'],
    })
  refuseOurs(vm, process)
  const options = splitOptions(process.words.slice(1))
  const named = socketsOf(options)
  if (named.qmp === undefined) throw noQmp(vm, pid, named, options)
  const missing: string[] = []
  const there = (what: string, file: string | undefined): string | undefined => {
    if (file === undefined) return undefined
    const found = socketAt(process, file)
    if (found === undefined) missing.push(`its ${what}: it does not listen at ${file}`)
    return found
  }
  const { monitor, console, agent, vnc, agentName } = named
  const qmp = socketAt(process, named.qmp)
  if (qmp === undefined)
    throw new Failure(`pid ${pid} does not listen at ${named.qmp}, which its line names for QMP`, {
      code: 'QEMU_REFUSED',
      hints: ['where the file was removed, or belongs to another user, nobody can connect to it any more'],
    })
  const found = { qmp, monitor: there('monitor', monitor), console: there('console', console), agent: there('agent', agent) }
  const sockets = { ...found, vnc: there('screen', vnc), agentName: found.agent === undefined ? undefined : agentName }
  return { process, program, options, sockets, missing }
}

/** Names in its line are of the folder that it was started in, which it may have left. */
export function absoluteIn({ folders }: OneProcess, file: string): string {
  const candidates = folders.map((folder) => path.resolve(folder, file))
  return candidates.find((one) => stat(one) !== undefined) ?? candidates[0] ?? file
}

function socketAt(process: OneProcess, file: string): string | undefined {
  if (!process.listens.includes(file)) return undefined
  const found = absoluteIn(process, file)
  const stats = lstat(found)
  return stats?.isSocket() === true && stats.uid === ownUid() ? found : undefined
}

function lookAt({ call }: Vm, pid: number): OneProcess {
  const uid = Number(/^Uid:\s*(\d+)/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1] ?? ownUid())
  const foreign = new Failure(`pid ${pid} is another user's (uid ${uid})`, {
    code: 'NOT_ALLOWED',
    hints: [`as that user: sudo -u '#${uid}' ${call} adopt ${pid}`],
  })
  if (uid !== ownUid()) throw foreign
  try {
    const found = readProcess(pid)
    if (found === undefined)
      throw new Failure(`there is no process ${pid}`, { code: 'VM_MISSING', hints: ['which there are: pgrep -a qemu'] })
    if (found.uid !== ownUid()) throw foreign
    return found
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) throw error
    throw new Failure(`pid ${pid} may not be looked at`, { code: 'NOT_ALLOWED', cause: error })
  }
}

/** Throws a Failure where a process is the QEMU of a VM: of this one, another, or one in another home. */
export function refuseOurs({ id, drawer, place }: Vm, { pid, files }: OneProcess): void {
  for (const file of files) {
    const folder = path.dirname(file)
    if (path.basename(file) !== 'lock' || lstat(file)?.isFile() !== true) continue
    if (lstat(`${folder}/run`)?.isDirectory() !== true) continue
    const isOwn = folder === drawer.folder
    // What an adoption that was cut off has left there holds no lock.
    if (!isLocked(file) && (isOwn || qemuPid({ lock: file, pid: `${folder}/pid` }) !== pid)) continue
    const name = path.basename(folder)
    const where = path.dirname(folder) === place.state ? '' : `, of ${path.dirname(folder)}`
    throw new Failure(`pid ${pid} is the VM ${quote(name)} of nbsvm already${where}`, {
      code: 'VM_RUNNING',
      hints: isOwn ? [`see it: nbsvm ${id}`] : [],
    })
  }
}

function noQmp({ call }: Vm, pid: number, { monitor }: LineSockets, options: readonly LineOption[]): Failure {
  const hasOther = options.some(({ option }) => option === '-qmp' || option === '-qmp-pretty')
  const why = hasOther
    ? ', only on what nbsvm does not connect to'
    : monitor === undefined
      ? ''
      : ': what it has is the monitor for people, and that adds no other'
  return new Failure(`pid ${pid} has no QMP on a unix socket${why}`, {
    code: 'QEMU_REFUSED',
    hints: [
      'it must be started with it: -qmp unix:/PATH/qmp.sock,server=on,wait=off',
      `or let nbsvm start the same: ${call} import --qemu 'qemu-system-...'`,
    ],
  })
}
