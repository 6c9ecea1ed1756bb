// A VM for this once: gone at the end of the block, whatever happens in it.
import { host } from 'nbsvm'

const here = host()
{
  await using vm = await here.fresh({ image: 'debian', mem: '1G' })
  await vm.wait('agent', { timeoutMs: 300_000 })
  console.log((await vm.exec(['uname', '-r'])).stdout)
}
console.log(await here.list())
