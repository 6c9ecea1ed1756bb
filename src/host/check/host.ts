// The programs that nbsvm itself stands on.
import { isRoot } from '../../sys/environment.js'
import { findProgram } from '../../sys/file.js'
import { run } from '../../sys/process.js'
import { node } from '../../sys/self.js'
import { answerTimeoutMs, bad, good, install, lacking, type Finding } from './finding.js'

/** `engines` in package.json. */
const oldestNode = [20, 19] as const

export async function checkNode(): Promise<Finding[]> {
  const [major = 0, minor = 0] = node.version.split('.').map(Number)
  const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
  if (isOld) return [bad('node', `${node.version}; ${oldestNode.join('.')} or later is needed`)]
  return [good('node', `${node.version}  ${node.path}`)]
}

/** flock(1) takes the VM's lock; with -F it becomes QEMU, in the command that `explain` prints. */
export async function checkFlock(): Promise<Finding[]> {
  const program = findProgram('flock')
  if (program === undefined) return [bad('flock', 'not installed; no VM starts without it', install('flock'))]
  const { status } = await run([program, '-n', '-F', '/dev/null', 'true'], { timeoutMs: answerTimeoutMs })
  if (status === 0) return [good('flock', program)]
  return [lacking('flock', `${program} has no -F, which the command of explain needs`, install('flock'))]
}

/** Whether single commands can be run as root: for LVM, taps and bridges. */
export async function checkSudo(): Promise<Finding[]> {
  if (isRoot()) return [good('sudo', 'not needed: you are root')]
  if (findProgram('sudo') === undefined) {
    return [lacking('sudo', 'not installed; LVM, taps and bridges need root', install('sudo'))]
  }
  if (await canSudo()) return [good('sudo', 'works without a password now')]
  return [lacking('sudo', 'wants a password; only LVM, taps and bridges need it', 'log in to it first: sudo -v')]
}

/** Whether sudo runs a command without asking. */
export async function canSudo(): Promise<boolean> {
  if (findProgram('sudo') === undefined) return false
  return (await run(['sudo', '-n', '--', 'true'], { timeoutMs: answerTimeoutMs })).status === 0
}
