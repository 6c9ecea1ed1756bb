// Signatures, as gpgv(1) sees them. Its exit status is no proof: it is 0 for a signature by a key that has expired. Its status lines
// decide: https://git.gnupg.org/cgi-bin/gitweb.cgi?p=gnupg.git;a=blob_plain;f=doc/DETAILS
import { Failure } from '../core/errors.js'
import { findProgram } from '../sys/file.js'
import { run, tied } from '../sys/process.js'

/** Who may have signed. */
export interface Signers {
  /** For messages: `ubuntu`. */
  readonly vendor: string
  /** Absolute path of a ring in gpg's binary form, with this vendor's keys alone. */
  readonly ring: string
  /** Fingerprints of primary keys, 40 digits in capitals. */
  readonly keys: readonly string[]
}

/**
 * Checks a signature. `signature` alone is clear-signed text, of which only the signed part goes into `out`; else it is of the
 * file `data`. Throws a Failure that says `what` is wrong with it.
 */
export async function verify(
  what: string,
  { signature, data, out }: { readonly signature: string; readonly data?: string; readonly out?: string },
  signers: Signers,
  signal?: AbortSignal,
): Promise<void> {
  if (findProgram('gpgv') === undefined) {
    throw new Failure(`cannot check the signature of ${what}: gpgv is not installed`, {
      code: 'NOT_INSTALLED',
      hints: ['install it: sudo apt install gpgv'],
    })
  }
  const files = data === undefined ? ['--output', out ?? '/dev/null', signature] : [signature, data]
  const command = ['gpgv', '--keyring', signers.ring, '--status-fd', '1', ...files]
  const { stdout } = await run(tied(command), signal === undefined ? {} : { signal })
  const fault = faultIn(stdout, signers)
  if (fault !== undefined) {
    throw new Failure(`the signature of ${what} is not good: ${fault}`, {
      code: 'IMAGE_MISMATCH',
      hints: ['nothing of it is used; try again later, or tell the vendor'],
    })
  }
}

/** What is wrong with a signature by gpgv's status lines; undefined where one by a key that may sign is good. Pure. */
export function faultIn(status: string, { vendor, keys }: Omit<Signers, 'ring'>): string | undefined {
  const words = status
    .split('\n')
    .filter((line) => line.startsWith('[GNUPG:] '))
    .map((line) => line.split(' ').slice(1))
  const blocks: string[][][] = []
  for (const line of words) {
    if (line[0] === 'NEWSIG' || blocks.length === 0) blocks.push([])
    blocks.at(-1)?.push(line)
  }
  const faults = blocks.map((block) => faultOfOne(block, vendor, keys))
  // A forged one beside a good one is no accident.
  const forged = blocks.find((block) => block.some(([word]) => word === 'BADSIG'))
  if (forged !== undefined) return 'what was signed has been changed'
  return faults.includes(undefined) && blocks.length > 0 ? undefined : (faults[0] ?? 'there is none')
}

function faultOfOne(block: readonly (readonly string[])[], vendor: string, keys: readonly string[]): string | undefined {
  const find = (word: string): readonly string[] | undefined => block.find(([first]) => first === word)
  if (find('EXPKEYSIG') !== undefined) return `the key that made it has expired`
  if (find('REVKEYSIG') !== undefined) return `the key that made it was revoked`
  if (find('EXPSIG') !== undefined) return 'it has expired'
  const valid = find('VALIDSIG')
  const primary = valid?.at(-1)
  if (find('GOODSIG') !== undefined && primary !== undefined && keys.includes(primary)) return undefined
  const foreign = primary ?? find('ERRSIG')?.[1]
  return foreign === undefined ? 'there is none' : `it was made by the key ${foreign}, which is not one of ${vendor}'s`
}
