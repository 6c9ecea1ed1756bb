// The same as a seed for systems that Ignition sets up (Fedora CoreOS, Flatcar): QEMU hands them a JSON text as a firmware variable.
// https://coreos.github.io/ignition/configuration-v3_3/
import { Failure } from '../core/errors.js'
import type { Seed } from './seed.js'

/** The text. `user` is whom the keys let in. Throws a Failure for what cannot be said in it. */
export function ignitionText({
  hostname,
  user,
  keys,
  hostKey,
  packages,
  passwordHash,
  userData,
}: Seed & { readonly user: string }): string {
  if (packages.length > 0) {
    throw new Failure('packages: this system is set up by Ignition, which installs none', {
      hints: ['leave it out: packages=none'],
    })
  }
  const file = (path: string, mode: number, text: string): object => ({
    path,
    mode,
    overwrite: true,
    contents: { source: dataUrl(text) },
  })
  const config = {
    ignition: { version: '3.3.0', ...(userData === undefined ? {} : { config: { merge: [{ source: dataUrl(userData) }] } }) },
    passwd: { users: [{ name: user, sshAuthorizedKeys: keys, ...(passwordHash === undefined ? {} : { passwordHash }) }] },
    storage: {
      files: [
        file('/etc/hostname', 0o644, `${hostname}\n`),
        file('/etc/ssh/ssh_host_ed25519_key', 0o600, hostKey.secret),
        file('/etc/ssh/ssh_host_ed25519_key.pub', 0o644, hostKey.public),
      ],
    },
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}

function dataUrl(content: string | Buffer): string {
  return `data:;base64,${Buffer.from(content).toString('base64')}`
}
