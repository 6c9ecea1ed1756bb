// Images: what there is, what is here, and away with what nobody needs.
import { host } from 'nbsvm'

const { images } = host()
const { level, sizeBytes } = await images.pull('debian', { onProgress: (done, total) => console.error(done / total) })
console.log(level, sizeBytes)
for (const { name, kept } of await images.list()) if (kept.length > 0) console.log(name, kept[0]?.usedBy)
await images.rm('debian')
console.log(await images.prune())
