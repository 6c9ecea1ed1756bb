// The notes that are published with a release. Pure.
import { debianVersion } from './changes.js'

/** `sums`: the lines of SHA256SUMS. */
export function releaseNotes(version: string, changes: string, sums: string): string {
  return `# nbsvm ${version}

${changes}

## To install it

\`\`\`sh
sha256sum --check --ignore-missing SHA256SUMS                    # whatever you downloaded
install -D nbsvm-${version}-linux-x64 ~/.local/bin/nbsvm            # one file for x86-64, without Node.js
sudo apt install ./nbsvm_${debianVersion(version)}_all.deb                      # Debian 13
npm install -g --prefix ~/.local ./nbsvm-${version}.tgz             # with Node.js 20.19 or later
\`\`\`

An update is the same again: VMs that run go on, and need not be started again.

\`\`\`
${sums}\`\`\`
`
}
