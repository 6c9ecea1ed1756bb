// The beginning of a VNC connection: versions, then who may come in (RFC 6143, 7.1 and 7.2). nbsvm asks viewers for a
// password of its own, and QEMU, whose socket nobody else can reach, asks nbsvm for none; all that follows is passed on.
import { Failure } from '../core/errors.js'
import { encryptDes, isSame, randomBelow, randomBytes } from '../sys/crypto.js'
import type { Socket } from '../sys/socket.js'

/** Letters and digits that nobody takes for another; eight of them are all that VNC looks at. */
const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
const passwordLength = 8

/** Makes a password for one use. */
export function makePassword(): string {
  return Array.from({ length: passwordLength }, () => letters[randomBelow(letters.length)]).join('')
}

/** The same as the file that `vncpasswd` writes, and that viewers of that family read: hidden, not encrypted. */
export function passwordFile(password: string): Buffer {
  return encryptDes(reversed(Buffer.from('17526b06234e5807', 'hex')), bytesOf(password))
}

const version = /^RFB 003\.(\d{3})\n$/
const ourVersion = 'RFB 003.008\n'
const versionBytes = 12
const challengeBytes = 16
const [securityNone, securityVnc] = [1, 2]

/**
 * Lets a viewer in that knows the password; one that does not is told so. Says whether it is in. Rejects when it speaks no VNC or
 * goes away.
 */
export async function admit(viewer: Socket, password: string): Promise<boolean> {
  viewer.write(ourVersion)
  const minor = await readMinor(viewer)
  // Before 3.7 the server chooses.
  if (minor < 7) viewer.write(number(securityVnc))
  else {
    viewer.write(Buffer.of(1, securityVnc))
    if ((await readBytes(viewer, 1))[0] !== securityVnc) return false
  }
  const challenge = randomBytes(challengeBytes)
  viewer.write(challenge)
  const isRight = isSame(await readBytes(viewer, challengeBytes), encryptDes(keyOf(password), challenge))
  const reason = Buffer.from('wrong password')
  if (isRight) viewer.write(number(0))
  else viewer.write(minor < 8 ? number(1) : Buffer.concat([number(1), number(reason.length), reason]))
  return isRight
}

/** Brings a connection to QEMU to the place where the viewer's is. Rejects where QEMU asks for more, or goes away. */
export async function enter(vm: Socket): Promise<void> {
  await readMinor(vm)
  vm.write(ourVersion)
  const [count = 0] = await readBytes(vm, 1)
  if (count === 0 || !(await readBytes(vm, count)).includes(securityNone)) {
    throw new Failure('QEMU asks for a password of its own')
  }
  vm.write(Buffer.of(securityNone))
  if ((await readBytes(vm, 4)).readUInt32BE() !== 0) throw new Failure('QEMU lets nobody in')
}

async function readMinor(socket: Socket): Promise<number> {
  const minor = version.exec((await readBytes(socket, versionBytes)).toString('latin1'))?.[1]
  if (minor === undefined) throw new Failure('it does not speak VNC')
  return Number(minor)
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Reads exactly so many bytes, and leaves what follows. */
async function readBytes(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null
    if (bytes?.length === length) return bytes
    if (bytes !== null || socket.readableEnded || socket.destroyed) throw new Failure('the connection ended')
    await readable(socket)
  }
}

const events = ['readable', 'end', 'close'] as const

function readable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) socket.off(event, done)
      resolve()
    }
    for (const event of events) socket.on(event, done)
  })
}

/** VNC's DES takes the bits of each byte of a key in reverse. */
function keyOf(password: string): Buffer {
  return reversed(bytesOf(password))
}

function bytesOf(password: string): Buffer {
  const bytes = Buffer.alloc(passwordLength)
  bytes.write(password, 'latin1')
  return bytes
}

function reversed(key: Buffer): Buffer {
  return Buffer.from(key.map((byte) => Number.parseInt(byte.toString(2).padStart(8, '0').split('').toReversed().join(''), 2)))
}
