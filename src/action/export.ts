import { UsageError } from '../core/errors.js'
import { formatSize } from '../core/size.js'
import { isSystem, systemOf } from '../qemu/export/system.js'
import { isTerminal } from '../sys/output.js'
import { archiveSink } from '../vm/archive/zstd.js'
import { archiveVm } from '../vm/archive/exportfile.js'
import { checkArchiveFile, writeArchiveFile } from '../vm/archive/target.js'
import { exportVm } from '../vm/life/export.js'
import { stoodStill, whileDrawn } from './progress.js'
import type { Context, Verb } from './verb.js'

export const exportVerb: Verb = {
  help: `With FILE it writes the whole VM into one file, from which import makes it again, here or elsewhere: its record, its settings, what its
drives hold, the variables of its UEFI, and, where it is off, the state of its TPM. One that runs goes on: the file then shows it as it was at
one moment, as after a power cut, with all its drives of that same moment. FILE is there under its name only when it is whole, and nothing
is overwritten. - is stdout, for a pipe. It is an archive of tar, packed by zstd where that is installed; --plain leaves it unpacked.
docs/archive.md says what is in it. It holds keys of the VM: keep it to yourself.

  nbsvm web export web.vm                     then: nbsvm web2 import web.vm
  nbsvm web export - | ssh box2 nbsvm web import -
  tar -xSf web.vm                             each drive as a sparse raw file, with no nbsvm

Not in it: checkpoints, what its settings say of this host, and the files that they name (share, cdrom, user_data).

With a system it prints what that imports as this VM, from the plan that start and explain use: settings, identity, drives, network cards.
Nothing is copied, started or changed. How to bring the drives is a comment in it; what that system has no word for is one too, and
a note. Each text says in its first lines how far it was tried.

  nbsvm web export --libvirt >web.xml         a domain: virsh define web.xml
  nbsvm web export --proxmox >web.sh          commands for a node of Proxmox VE: sh web.sh
  nbsvm web export --kubevirt >web.yaml       a VirtualMachine and its DataVolumes: kubectl apply -f web.yaml
  nbsvm web accel=kvm export --libvirt        for a machine with KVM, from one without`,

  async run(context) {
    if (!isSystem(context.flags)) return archive(context)
    const { vm, flags, out, note, signal } = context
    const { text, notes } = await exportVm(vm, systemOf(flags), { note, signal })
    for (const one of notes) note(`not as here: ${one}`)
    out(text)
  },
}

async function archive({ vm, words: [file = ''], flags, note, progress, signal }: Context): Promise<void> {
  const into = (fd: number) =>
    whileDrawn(progress, async (onProgress) => {
      const sink = archiveSink(fd, flags['plain'] === true, note)
      try {
        const made = await archiveVm(vm, { write: sink.write, onProgress, signal, note })
        await sink.end()
        return made
      } catch (error) {
        sink.drop()
        throw error
      }
    })
  if (file === '-') {
    if (isTerminal(1)) {
      throw new UsageError(`${vm.id} would be written to this terminal, as bytes`, {
        hints: [
          `into a file: ${vm.call} export ${vm.name}.vm`,
          `to another machine: ${vm.call} export - | ssh HOST ${vm.call} import -`,
        ],
      })
    }
    const { stoodStillMs } = await into(1)
    note(`exported ${vm.id}${stoodStill(stoodStillMs)}`)
    return
  }
  checkArchiveFile(file)
  const { stoodStillMs, dataBytes } = await writeArchiveFile(file, `export ${vm.id}`, into)
  note(`${file}: ${vm.id}, with ${formatSize(dataBytes)} of its drives${stoodStill(stoodStillMs)}`)
}
