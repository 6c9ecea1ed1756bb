import { UsageError } from '../core/errors.js'
import { inputBytes } from '../sys/input.js'
import { isTerminal } from '../sys/output.js'
import { importFrom, importLine } from '../vm/archive/importany.js'
import { whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const importVerb: Verb = {
  help: `Makes a VM of a file: of what export wrote, of an OVA, or of a disk image (qcow2, raw, vmdk, vdi, vhdx, vhd), which becomes its first drive.
- is stdin, for what export wrote. A VM of that name must not be there. Its drives come into the store that its settings here say. Where
anything is not right, or it is cut off, nothing of it stays.

  nbsvm web import web.vm
  ssh box2 nbsvm web export - | nbsvm web import -
  nbsvm old mem=2G import appliance.ova -- start
  nbsvm win import disk.vhdx

It becomes another VM, as a clone does: with a UUID, network addresses and, where it reads a seed, keys of its own; its TPM begins empty.
--same makes it the very VM that was exported, with all that it is known by: never start both. Settings go into its file NAME.vm.

What comes from elsewhere is not trusted: images that name other files are refused, formats are told from the bytes, and settings that
are QEMU's own words, or say anything of this host, are left out and named.

--qemu makes it of a command line of QEMU, which is read and never run; its disks are copied, and what cannot be taken over is named:

  nbsvm web import --qemu 'qemu-system-x86_64 -m 2G -smp 2 -hda web.qcow2 -nic user,hostfwd=tcp::8080-:80'`,

  async run({ vm, words: [word = ''], flags, note, progress, signal, outside }) {
    const importing = { outside, note, signal, isSame: flags['same'] === true }
    if (word === '-' && isTerminal(0)) {
      throw new UsageError('import - reads what export wrote from stdin', {
        hints: [`nbsvm ${vm.name} export - | ssh HOST ${vm.call} import -`, `a file: ${vm.call} import FILE`],
      })
    }
    const { id, added } = await whileDrawn(progress, (onProgress) =>
      flags['qemu'] === true
        ? importLine(vm, word, { ...importing, onProgress })
        : importFrom(vm, word === '-' ? { stdin: inputBytes() } : { file: word }, { ...importing, onProgress }),
    )
    note(`imported ${id}; start it: ${vm.call} start`)
    if (added.length > 0) note(`its settings: ${added.join(' ')}`)
  },
}
