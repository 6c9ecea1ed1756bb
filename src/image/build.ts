// Images that are built on this machine, from packages that apt checks.
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import type { Arch, GuestTraits } from '../model/guest.js'
import { findProgram, stat } from '../sys/file.js'
import { run, tied } from '../sys/process.js'
import { packageFile } from '../sys/self.js'
import { withImageJob } from './imagejob.js'
import { keep, type Examine } from './keep.js'
import type { Kept } from './kept.js'
import { findKept } from './pull.js'
import { withPart } from './part.js'

/** What scripts/mmdebstrap-image runs or reads, and Debian's package of it. */
const needs: readonly (readonly [program: string, from: string])[] = [
  ['mmdebstrap', 'mmdebstrap'],
  ['mkfs.ext4', 'e2fsprogs'],
  ['mkfs.fat', 'dosfstools'],
  ['mcopy', 'mtools'],
  ['sfdisk', 'fdisk'],
  ['syslinux', 'syslinux'],
  ['/usr/lib/syslinux/mbr/gptmbr.bin', 'syslinux-common'],
  ['qemu-img', 'qemu-utils'],
]

const ubuntus: ReadonlySet<string> = new Set(['jammy', 'noble', 'resolute'])

/** What is known of a guest that was built so. */
export function builtTraits(suite: string, arch: Arch): GuestTraits {
  const user = ubuntus.has(suite) ? 'ubuntu' : 'debian'
  const [minMemBytes, minDriveBytes] = [512 * 2 ** 20, 0]
  return { arch, user, seed: 'nocloud', hasAgent: true, firmware: ['bios'], minMemBytes, minDriveBytes }
}

export interface BuildOptions {
  readonly arch: Arch
  readonly examine: Examine
  readonly caller: Caller
  /** Build it again, of today's packages, also where one is here. */
  readonly isFresh: boolean
}

/** An image of a suite, built where none is here. Throws a Failure that says what is missing. */
export async function keepBuilt(folder: string, suite: string, options: BuildOptions): Promise<Kept> {
  const { arch, caller, examine } = options
  const name = `mmdebstrap:${suite}`
  const find = (): Promise<Kept | undefined> =>
    findKept(folder, ({ from }) => from.some((one) => one.name === name), caller.signal)
  const known = options.isFresh ? undefined : await find()
  if (known !== undefined) return known
  if (arch !== 'x86_64') throw new Failure(`${name} is built for x86_64 alone, not for ${arch}`, { code: 'IMAGE_UNKNOWN' })
  refuseMissing(name)
  return withImageJob(folder, (job) =>
    withPart(folder, { name, doing: 'built', key: name }, caller, async () => {
      // Somebody else may have done it meanwhile.
      const meanwhile = options.isFresh ? undefined : await find()
      if (meanwhile !== undefined) return meanwhile
      caller.note?.(`building ${suite} from its packages, which takes some minutes`)
      const file = job.name()
      const command = ['sh', packageFile('scripts/mmdebstrap-image'), suite, file]
      const { status, stderr } = await run(tied(command), caller.signal === undefined ? {} : { signal: caller.signal })
      caller.signal?.throwIfAborted()
      if (status !== 0) throw buildFailure(name, stderr)
      return keep(job, { file, level: 'signed', from: { name, arch, atMs: Date.now() } }, examine, caller)
    }),
  )
}

function isThere(program: string): boolean {
  return program.startsWith('/') ? stat(program) !== undefined : findProgram(program) !== undefined
}

function refuseMissing(name: string): void {
  const missing = needs.filter(([program]) => !isThere(program))
  if (missing.length === 0) return
  throw new Failure(`cannot build ${name}: there is no ${missing.map(([program]) => program).join(', ')}`, {
    code: 'NOT_INSTALLED',
    hints: [`sudo apt install ${missing.map(([, from]) => from).join(' ')}`],
  })
}

const shownLines = 5

/** What apt and mmdebstrap call an error tells why, but for what only says that they failed; else the last that was said does. */
function buildFailure(name: string, words: string): Failure {
  const lines = words.split('\n').filter((line) => line.trim() !== '')
  const errors = lines.filter((line) => /^E: (?!apt-get .* failed$|mmdebstrap failed to run$)/.test(line))
  const shown = (errors.length > 0 ? errors : lines).slice(-shownLines)
  return new Failure(`cannot build ${name}:\n${shown.join('\n')}`, {
    hints: [
      'is the suite spelled right, and this machine online?',
      'as a user it needs newuidmap, with ranges of yours in /etc/subuid: man mmdebstrap',
    ],
  })
}
