// The rows of what makes a file of a VM, and a VM of a file.
import { action, maybeOne, one } from './actionrow.js'
import { checkAdopt, checkExport, checkImport } from './rowcheck.js'
import type { ActionRow } from './verb.js'

export const fileActions: readonly ActionRow[] = [
  action('export', maybeOne, {
    words: '[FILE]',
    flags: {
      libvirt: 'print a domain for libvirt',
      proxmox: 'print commands of Proxmox VE',
      kubevirt: 'print manifests of KubeVirt',
      plain: 'do not compress the file',
    },
    needs: 'bootable',
    summary: 'write all of it into one file, as it runs or is off, or print what another system imports',
    check: checkExport,
  }),
  action('import', one, {
    words: 'FILE',
    needs: 'nothing',
    makes: true,
    reads: 'stream',
    flags: { same: 'it is the very VM that was exported', qemu: 'FILE is a command line of QEMU' },
    summary: 'make it of what export wrote, an OVA or a disk image',
    check: checkImport,
  }),
  action('adopt', one, {
    words: 'PID',
    needs: 'nothing',
    makes: true,
    summary: 'make it of a QEMU that was started by hand, as it runs',
    check: checkAdopt,
  }),
]
