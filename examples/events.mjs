// What happens to a VM, also if somebody else does it.
import { host } from 'nbsvm'

const box = host().vm('box')
setTimeout(() => void box.pause(), 500)
for await (const { kind, atMs, why } of box.events({ since: 'start' })) {
  console.log(kind, atMs, why)
  if (kind === 'paused') break
}
await box.resume()
await box.reset()
