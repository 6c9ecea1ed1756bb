// What happens to a VM, also if somebody else does it.
import { host } from 'nbsvm'

const box = host().vm('box')
const beganMs = Date.now()
setTimeout(() => void box.pause(), 500)
// All since its start, so what happened before comes first.
for await (const { kind, atMs, why } of box.events({ since: 'start' })) {
  console.log(kind, atMs, why)
  if (kind === 'paused' && Number(atMs) >= beganMs) break
}
await box.resume()
await box.reset()
