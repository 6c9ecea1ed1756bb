// A VM that is backed up as it runs, is lost, and is there again.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { host } from 'nbsvm'

const folder = await mkdtemp(path.join(tmpdir(), 'backups-'))
const web = host().vm('web', { image: 'debian' })
await web.newimg()
await web.start()
await web.wait('agent', { timeoutMs: 300_000 })
await web.exec(['sh', '-c', 'echo secret >/dev/vda; sync'])

const { name } = await web.backup(folder, { keep: 7 })
console.log(name)
const [newest] = await web.backups(folder, { verify: true })
console.log(newest?.name === name && newest.fault === null)

await web.stop()
await web.rm()
// Nobody else could write there: else settings that reach out of the VM would be refused.
await web.restore(folder, { trusted: true })
await web.start()
await web.wait('agent', { timeoutMs: 300_000 })
console.log((await web.exec(['head', '-n1', '/dev/vda'])).stdout)
await web.stop()
await web.rm()

await web.removeBackup(folder, name)
console.log(await web.backups(folder))
await rm(folder, { recursive: true })
