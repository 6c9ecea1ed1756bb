// Programs in the guest, by its agent.
import { host } from 'nbsvm'

const box = host().vm('box')

// A status is data, no exception.
const { status, stderr } = await box.exec(['ls', '/nowhere'])
console.log(status, stderr)

const { stdout } = await box.exec(['tr', 'a-z', 'A-Z'], { input: 'loud' })
console.log(stdout)

// Also what it says, piece by piece.
for await (const { from, text } of box.exec(['sh', '-c', 'echo good; echo bad >&2'])) console.log(from, text)

// What takes too long is ended in the guest.
console.log((await box.exec(['sleep', '60'], { timeoutMs: 1000 })).isTimedOut)
