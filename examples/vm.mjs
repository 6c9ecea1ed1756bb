// A VM from nothing to gone.
import { host } from 'nbsvm'

const here = host({ note: (text) => console.error(text) })
const web = here.vm('web', { image: 'debian', mem: '1G', forward: ['8080:80'] })

await web.newimg({ onProgress: (done, total) => console.error(`${done} of ${total} bytes`) })
await web.start()
await web.wait('agent', { timeoutMs: 300_000 })
const { stdout } = await web.exec(['uname', '-r'])
console.log(stdout)
await web.pause()
console.log((await web.status()).state)
await web.resume()
console.log(await web.shutdown())
await web.rm()
