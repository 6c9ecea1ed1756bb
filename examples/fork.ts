// A copy of a guest that has booted already: there in an instant, gone at the end of the block.
import { host } from 'nbsvm'

const here = host()
const base = here.vm('base', { image: 'debian', mem: '1G' })
await base.newimg()
await base.start()
await base.wait('agent', { timeoutMs: 300_000 })
await base.exec(['sh', '-c', 'echo made once >/tmp/made'])
await base.freeze()
{
  await using t = await base.fork('t1')
  console.log((await t.exec(['cat', '/tmp/made'])).stdout)
  console.log((await base.status()).template?.forks)
}
console.log((await here.list()).map(({ id }) => id))
console.log(await base.removeTemplate())
await base.stop()
await base.rm()
