// Settings in place: as on the command line, or as what they mean. Files and the environment say the others.
import { host } from 'nbsvm'

const here = host()
const win = here.vm('win', { class: 'desktop', mem: 4096, smp: 2, tpm: true, firmware: 'uefi', forward: ['3389:3389'] })
console.log(win.id)

const plain = here.vm('plain', { mem: '2G', network: 'none', args: ['-name', 'two words'] })
const { settings, commands } = await plain.explain()
console.log(settings.find(({ name }) => name === 'mem'))
console.log(commands.at(-1))
console.log((await plain.export('libvirt')).text)
