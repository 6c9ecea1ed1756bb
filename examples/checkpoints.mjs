// Undo for a whole machine, and a machine that sleeps on the disk.
import { host } from 'nbsvm'

const web = host().vm('web', { image: 'debian' })
await web.newimg()
await web.start()
await web.wait('agent', { timeoutMs: 300_000 })

const write = (text) => web.exec(['sh', '-c', `echo ${text} >/tmp/state`])
const read = async () => (await web.exec(['cat', '/tmp/state'])).stdout

await write('as it was')
await web.checkpoint('before')
await write('ruined')
console.log((await web.checkpoints()).map(({ name }) => name))
await web.rollback('before')
console.log(await read())
await web.removeCheckpoint('before')
console.log(await web.checkpoints())

await web.save()
console.log('asleep:', (await web.status()).savedMs !== null)
await web.start()
console.log(await read())
await web.stop()
await web.rm()
