// A VM that is off, all of it, as a stream: into a file, to another machine, into another VM.
import { host } from 'nbsvm'

const here = host()
const old = here.vm('old', { drive_size: '64M' })
await old.newimg()
// One that does not run is no error.
await old.stop()
console.log(await here.vm('new').receive(old.send()))
await old.rm()
await here.vm('new').rm()
