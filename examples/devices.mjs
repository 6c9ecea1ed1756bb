// What comes and goes while a VM runs: disks, discs, memory.
import { host } from 'nbsvm'

const box = host().vm('box')
const { number } = await box.newimg()
const { name } = await box.attach(String(number))
console.log(name, (await box.status()).devices)
await box.detach(name)
console.log(await box.balloon('96M'))
// Given back, before the guest boots again with so little.
await box.balloon('256M')
