// Files into the guest and out of it.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { host } from 'nbsvm'

const box = host().vm('box')
const folder = await mkdtemp(`${tmpdir()}/nbsvm-files-`)
await writeFile(`${folder}/hello.txt`, 'hello\n')
await box.cp(`${folder}/hello.txt`, ':/tmp/')
await box.cp([':/tmp/hello.txt', ':/proc/version'], folder, { onProgress: (done) => console.error(done) })
console.log(await readFile(`${folder}/hello.txt`, 'utf8'))
