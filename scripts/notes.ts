// The notes that are published with a release. Pure.
import { debianVersion } from './changes.js'

/** `sums`: the lines of SHA256SUMS. */
export function releaseNotes(version: string, changes: string, sums: string): string {
  return `# nbsvm ${version}

${changes}

## To install it

\`\`\`sh
sha256sum --check --ignore-missing SHA256SUMS                    # whatever you downloaded
sudo apt install ./nbsvm_${debianVersion(version)}_all.deb                      # Debian 13
npm install -g --prefix ~/.local ./nbsvm-${version}.tgz             # with Node.js; without --prefix as root
install -D nbsvm-${version}-linux-x64 ~/.local/bin/nbsvm            # x86-64 without Node.js
\`\`\`

An update is the same again: VMs that run go on, and need not be started again.

\`\`\`
${sums}\`\`\`
`
}
