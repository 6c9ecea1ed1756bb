// Whose ssh keys may log in: those that the caller names, else the caller's own.
import { Failure, messageOf, UsageError } from '../core/errors.js'
import { quoteWord } from '../core/words.js'
import { list, readRegular } from '../sys/file.js'
import { isPublicKey } from './key.js'

/** Larger is no file of keys. */
const mostBytes = 256 * 1024

/**
 * The public keys of the setting `ssh_key`, keys themselves or files of them (`~/` is `home`); where it is not set, those in
 * `~/.ssh/id_*.pub`, which may be none: `note` is told what of that cannot be read. Throws a Failure for what is not a public key.
 */
export function loginKeys(wanted: readonly string[] | undefined, home: string, note?: (text: string) => void): string[] {
  const keys =
    wanted === undefined ? ownKeys(`${home}/.ssh`, note) : wanted.flatMap((one) => (isPublicKey(one) ? [one] : keysIn(one, home)))
  return [...new Set(keys)]
}

/** One that cannot be read, or is of a kind that is not known here, keeps nobody from a start. */
function ownKeys(folder: string, note: ((text: string) => void) | undefined): string[] {
  const orNone = (file: string, look: () => string[]): string[] => {
    try {
      return look()
    } catch (error) {
      // The system's words end with what is said here already: `, scandir '/home/me/.ssh'`.
      const why = messageOf(error).replace(/, [a-z]+ '.*$/, '')
      note?.(`cannot read ${file} (${why}), so no key of yours in it may log in; to name another: ssh_key=FILE`)
      return []
    }
  }
  const files = orNone(folder, () => list(folder)).filter((name) => /^id_.*\.pub$/.test(name))
  return files.flatMap((name) => {
    const file = `${folder}/${name}`
    return orNone(file, () => linesOf(readRegular(file, mostBytes) ?? '').filter(isPublicKey))
  })
}

function keysIn(word: string, home: string): string[] {
  const file = word.replace(/^~(?=\/)/, home)
  if (!file.startsWith('/')) throw new UsageError(`ssh_key: ${quoteWord(word)} is neither a public key nor an absolute path`)
  const text = read(file)
  if (text === undefined)
    throw new Failure(`ssh_key: there is no file ${file}`, {
      code: 'FILE_MISSING',
      hints: [`make a key: ssh-keygen -t ed25519 -f ${quoteWord(file)}`],
    })
  // The secret half stands beside the other, which is meant.
  if (text.includes('PRIVATE KEY-----')) return keysIn(`${file}.pub`, home)
  const lines = linesOf(text)
  const wrong = lines.find((line) => !isPublicKey(line))
  if (lines.length > 0 && wrong === undefined) return lines
  throw new Failure(`ssh_key: ${file} holds ${wrong === undefined ? 'nothing' : 'something else than public keys'}`, {
    hints: ['a line is like: ssh-ed25519 AAAA... you@host'],
  })
}

function read(file: string): string | undefined {
  try {
    return readRegular(file, mostBytes)
  } catch (error) {
    throw new Failure(`ssh_key: cannot read ${file}: ${messageOf(error)}`)
  }
}

/** The lines that say something. */
function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}
