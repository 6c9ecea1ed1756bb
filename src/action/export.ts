import { exportVm } from '../vm/life/export.js'
import { systemOf } from '../qemu/export/system.js'
import type { Verb } from './verb.js'

export const exportVerb: Verb = {
  help: `Prints what another system imports as this VM, from the plan that start and explain use: settings, identity, drives, network cards.
Nothing is copied, started or changed. How to bring the drives is a comment in it; what that system has no word for is one too, and
a note. Each text says in its first lines how far it was tried.

  nbsvm web export --libvirt >web.xml         a domain: virsh define web.xml
  nbsvm web export --proxmox >web.sh          commands for a node of Proxmox VE: sh web.sh
  nbsvm web export --kubevirt >web.yaml       a VirtualMachine and its DataVolumes: kubectl apply -f web.yaml
  nbsvm web accel=kvm export --libvirt        for a machine with KVM, from one without`,

  async run({ vm, flags, out, note, signal }) {
    const { text, notes } = await exportVm(vm, systemOf(flags), { note, signal })
    for (const one of notes) note(`not as here: ${one}`)
    out(text)
  },
}
