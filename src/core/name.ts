import { Failure, UsageError } from './errors.js'
import { quote } from './quote.js'

/** Longest name of a VM or class, in characters. */
const maxNameLength = 64

const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/**
 * Checks the name of a VM, a class or a checkpoint before anything is touched: letters, digits, `.`, `_`, `-`, first a letter or
 * digit, 64 characters at most. Returns the name; throws UsageError that quotes it.
 */
export function checkName(kind: 'VM' | 'class' | 'checkpoint', name: string): string {
  const wrong = nameFault(name)
  if (wrong === undefined) return name
  throw new UsageError(`${quote(name)} is not a ${kind} name: ${wrong}`, { code: 'NAME_WRONG' })
}

/** What is wrong with a name; undefined for one that is right. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name.length > maxNameLength) return `it has ${name.length} characters, ${maxNameLength} at most`
  if (nameShape.test(name)) return undefined
  if (!/^[A-Za-z0-9]/.test(name)) return 'it must begin with a letter or a digit'
  const odd = /[^A-Za-z0-9._-]/u.exec(name)?.[0] ?? ''
  return `it holds ${quote(odd)}; letters, digits, ".", "_" and "-" are allowed`
}

/** Names the VM in every place it is kept: `foo`, or `win-foo` in class `win`. */
export function vmId(name: string, vmClass: string | undefined): string {
  return vmClass === undefined ? name : `${vmClass}-${name}`
}

/** The name of the VM with this id within its class. */
export function nameIn(vmClass: string | undefined, id: string): string {
  return vmClass === undefined ? id : id.slice(vmClass.length + 1)
}

/** Whether this can be what a VM is called in every place it is kept. */
export function isVmId(id: string): boolean {
  return nameShape.test(id) && id.length <= 2 * maxNameLength + 1
}

/** What every drive's name begins with, in every store. */
export const drivePrefix = 'nbsvm-'

/** The name of drive `number` of the VM `id`, in every store: `nbsvm-foo-0`. */
export function driveName(id: string, number: number): string {
  return `${drivePrefix}${id}-${number}`
}

/**
 * The VM id and number in a drive's name, or undefined when it is no VM's drive. `nbsvm-foo-1-0` is drive 0 of VM
 * `foo-1`, not a drive of `foo`: only the last part is the number.
 */
export function parseDriveName(name: string): { id: string; number: number } | undefined {
  const match = /^nbsvm-(?<id>.+)-(?<number>0|[1-9][0-9]{0,3})$/.exec(name)
  if (match?.groups === undefined) return undefined
  const { id = '', number = '' } = match.groups
  return nameShape.test(id) ? { id, number: Number(number) } : undefined
}

/** The name of a drive that is to be made beside those: of that number, or the next. Throws a Failure where the number is taken. */
export function newDriveName(id: string, names: readonly string[], number: number | undefined): string {
  if (number === undefined) return nextDriveName(id, names)
  const name = driveName(id, number)
  const parsed = parseDriveName(name)
  if (parsed?.id !== id || parsed.number !== number) throw new UsageError(`${number} cannot be the number of a drive of ${id}`)
  if (names.includes(name)) throw driveExists(name)
  return name
}

export function driveExists(name: string): Failure {
  return new Failure(`there is a drive ${name} already`, { code: 'DRIVE_EXISTS' })
}

/** The drive of VM `id` that comes next: one above the highest. */
export function nextDriveName(id: string, names: readonly string[]): string {
  const numbers = names.map(parseDriveName).filter((drive) => drive?.id === id)
  return driveName(id, Math.max(-1, ...numbers.map((drive) => drive?.number ?? -1)) + 1)
}
