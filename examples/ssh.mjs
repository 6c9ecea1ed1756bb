// By ssh: the command that leads into the guest, as soon as it answers.
import { host } from 'nbsvm'

const box = host().vm('box')
const [program, ...args] = await box.ssh(['uptime'], { timeoutMs: 60_000, onWait: (ms) => console.error(`${ms} ms`) })
console.log(program, args)
