// The whole Debians that `scripts/debian` builds, for tests that need more than the small guest.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync } from 'node:fs'
import path from 'node:path'
import { program, run, type Home, type Result } from '../cli.js'

export type Release = '12' | '13'

export function debianDisk(release: Release): string {
  return path.resolve(`build/debian-${release}.qcow2`)
}

/** Why tests of it are skipped; false where they are not. */
export function skipDebian(release: Release): string | false {
  return existsSync(debianDisk(release)) ? false : `there is no build/debian-${release}.qcow2: scripts/debian ${release} makes it`
}

/** Settings that suit it where QEMU translates: `max` has features that are costly then. */
export const debianSettings = ['mem=768', 'smp=1', 'cpu=qemu64', 'drive_size=3G']

const isRoot = process.geteuid?.() === 0
const nobody = 65_534

/** Gives a home to a user without any rights, where root runs the tests; returns nbsvm as that user. */
export function asOrdinaryUser(
  home: Home,
  env: NodeJS.ProcessEnv = {},
): (args: readonly string[], input?: string) => Promise<Result> {
  if (isRoot) {
    chmodSync(home.folder, 0o755)
    chownSync(home.folder, nobody, nobody)
  }
  const drop = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', program]
  return (args, input) => {
    const [name, words] = isRoot ? ['setpriv', [...drop, ...args]] : [program, args]
    return run(name, words, { ...home.env, ...env }, input)
  }
}

/** Runs a line that must end well; returns what it printed. */
export async function done(result: Promise<Result>): Promise<string> {
  const { status, stdout, stderr } = await result
  assert.equal(status, 0, stderr + stdout)
  return stdout
}
