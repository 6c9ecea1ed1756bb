// Which options of QEMU nbsvm passes on, from wherever they come.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** Options that would take the VM out of nbsvm's hands, or start none, and what to do instead. */
const refusedOptions: Readonly<Record<string, string>> = {
  daemonize: 'QEMU is started in the background anyway',
  pidfile: 'nbsvm knows the VM by its own',
  runas: 'write run_as=USER before start',
  chroot: 'the sandbox is on anyway',
  help: "nbsvm's own: nbsvm help start; QEMU's: qemu-system-x86_64 --help",
  version: 'see: qemu-system-x86_64 --version',
}

/** Throws a UsageError for words that are not QEMU options, or are options that nbsvm cannot let through. */
export function checkOptions(words: readonly string[]): void {
  const [first] = words
  if (first !== undefined && !first.startsWith('-')) {
    throw new UsageError(`expected QEMU options, which begin with "-", not ${quote(first)}`)
  }
  for (const word of words) {
    const name = word === '-h' ? 'help' : (/^--?(?<name>[a-z]+)$/.exec(word)?.groups?.['name'] ?? '')
    if (!Object.hasOwn(refusedOptions, name)) continue
    throw new UsageError(`the QEMU option ${word} cannot be given to a VM`, { hints: [refusedOptions[name] ?? ''] })
  }
}
