import { UsageError } from '../core/errors.js'
import { makeOffer, shells, type Offer, type Shell } from './shell/offer.js'
import type { Command } from './verb.js'

/** Each shell's script is loaded alone. */
const scripts: Readonly<Record<Shell, () => Promise<(offer: Offer) => string>>> = {
  bash: async () => (await import('./shell/bash.js')).bashScript,
  zsh: async () => (await import('./shell/zsh.js')).zshScript,
  fish: async () => (await import('./shell/fish.js')).fishScript,
}

export const completion: Command = {
  help: `Prints the script that completes nbsvm's words with Tab: VMs, actions, settings and their values. It is plain shell code made
from nbsvm's own tables, so no nbsvm is started while you type. Make it again after an update of nbsvm. Where to put it:

  nbsvm completion bash > ~/.local/share/bash-completion/completions/nbsvm
  nbsvm completion zsh > ~/.zfunc/_nbsvm
  nbsvm completion fish > ~/.config/fish/completions/nbsvm.fish

bash needs the package bash-completion for that place; without it, source the file from ~/.bashrc. zsh looks in the folders
of fpath, so this goes into ~/.zshrc:

  fpath+=(~/.zfunc); autoload -Uz compinit; compinit

A link such as winvm (class win) prints a script for itself, which offers the VMs of its class:

  winvm completion bash > ~/.local/share/bash-completion/completions/winvm
  winvm completion zsh > ~/.zfunc/_winvm
  winvm completion fish > ~/.config/fish/completions/winvm.fish`,

  async run({ words: [wanted = ''], out, outside }) {
    const shell = shells.find((name) => name === wanted)
    if (shell === undefined) {
      throw new UsageError(`there is a completion script for bash, zsh and fish, not for ${JSON.stringify(wanted)}`, {
        hints: ['try: nbsvm completion bash', 'where it goes: nbsvm help completion'],
      })
    }
    const script = await scripts[shell]()
    out(script(makeOffer(outside.vmClass)).trimEnd())
  },
}
