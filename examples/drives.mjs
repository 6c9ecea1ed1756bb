// Drives: made, copied, resized, removed. Copies are independent of what they were made from.
import { host } from 'nbsvm'

const here = host()
const gold = here.vm('gold', { drive_size: '1G' })
console.log((await gold.newimg()).image.path)
await gold.newimg()
console.log(await gold.resize('+1G', { drive: 1 }))
await gold.rmDrive(1)

const one = here.vm('one', { gold: 'gold' })
await one.snapshot()
const two = here.vm('two', { gold: 'gold' })
await two.clone({ onProgress: (done, total) => console.error(done, total) })

for (const vm of [one, two, gold]) console.log(await vm.rm())
