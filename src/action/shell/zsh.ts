// The completion script for zsh 5.
import { quoteWord } from '../../core/words.js'
import type { Offer, RowOffer } from './offer.js'
import { zshMachines } from './machines.js'
import { zshParts } from './parts.js'
import { sourceText, valueCases } from './value.js'

/** The complete script: a file `_nbsvm` in a folder of fpath, or it is sourced. */
export function zshScript(offer: Offer): string {
  const { programs, actions, commands, settings } = offer
  // One that is an action too, `forward`, is offered once.
  const names = settings.filter(({ name }) => name !== 'class' && !actions.some((action) => action.name === name))
  return `#compdef ${programs.join(' ')}
# Made by: nbsvm completion zsh
# For one more link, such as winvm (class win), put this after compinit in ~/.zshrc: compdef _nbsvm winvm

typeset -ga _nbsvm_actions=(
${described(actions)}
)
typeset -ga _nbsvm_commands=(
${described(commands)}
)
typeset -ga _nbsvm_settings=(
${described(settings)}
)
typeset -ga _nbsvm_names=(
${described([...actions, ...commands.filter(({ name }) => !actions.some((one) => one.name === name)), ...names])}
)

# What may follow an action or a command: [takes_options] [min] [max] [source] [flags] [valued].
_nbsvm_row() {
  takes_options= min=0 max=0 source=none flags=() valued=()
  case $1 in
${[...cases('action', actions), ...cases('command', commands)].join('\n')}
  esac
}

# What the value of a setting or a flag is, as [source].
_nbsvm_value_of() {
  source=none
  case $1 in
${valueCases(offer)}
  esac
}

${engine}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _nbsvm "$@"
else
  compdef _nbsvm ${programs.map(quoteWord).join(' ')}
fi
`
}

/** `'name:help'`, as _describe reads it. */
function described(rows: readonly { readonly name: string; readonly help: string }[]): string {
  return rows.map(({ name, help }) => `  ${quoteWord(`${name}:${help}`)}`).join('\n')
}

function cases(kind: string, rows: readonly RowOffer[]): string[] {
  return rows.flatMap(({ name, takesOptions, min, max, source, flags }) => {
    const plain = flags.filter(({ text }) => !text.endsWith('='))
    const valued = flags.filter(({ text }) => text.endsWith('='))
    const facts = [
      ...(takesOptions ? ['takes_options=yes'] : []),
      ...(min > 0 ? [`min=${min}`] : []),
      ...(max > 0 ? [`max=${max}`, `source=${quoteWord(sourceText(source))}`] : []),
      ...(plain.length > 0 ? [`flags=(${plain.map(({ text, help }) => quoteWord(`${text}:${help}`)).join(' ')})`] : []),
      ...(valued.length > 0
        ? [`valued=(${valued.map(({ text, help }) => quoteWord(`${text.slice(0, -1)}:${help}`)).join(' ')})`]
        : []),
    ]
    return facts.length === 0 ? [] : [`    '${kind} ${name}') ${facts.join(' ')} ;;`]
  })
}

/** The part that is the same whatever the tables say. */
const engine = `# Where things are, as [state], [drives], [records] and [configs]; the same rules as nbsvm's own.
_nbsvm_places() {
  local data=$XDG_DATA_HOME config=$XDG_CONFIG_HOME
  state=$XDG_STATE_HOME
  if [[ -n $NBSVM_HOME ]]; then
    state=$NBSVM_HOME/state drives=$NBSVM_HOME/drives records=$NBSVM_HOME/vms configs=($NBSVM_HOME/config)
  elif ((EUID == 0)); then
    state=/var/lib/nbsvm drives=/var/lib/nbsvm/drives records=/var/lib/nbsvm/vms configs=(/etc/nbsvm)
  else
    [[ $state == /* ]] || state=$HOME/.local/state
    [[ $data == /* ]] || data=$HOME/.local/share
    [[ $config == /* ]] || config=$HOME/.config
    state+=/nbsvm drives=$data/nbsvm/drives records=$data/nbsvm/vms configs=($config/nbsvm /etc/nbsvm)
  fi
}

# Every drive that bears a VM's name, file or volume, as [found]: nbsvm-ID-N.
_nbsvm_drives() {
  found=($drives/nbsvm-\${~1}-*.(qcow2|raw)(N:t:r) /dev/*/nbsvm-\${~1}-*(N:t))
  found=(\${(M)found:#nbsvm-[A-Za-z0-9][A-Za-z0-9._-]#-[0-9]##})
}

# Offers VMs by name, without those that stand before the comma already.
_nbsvm_vms() {
  local -aU ids
  local -a found used
  _nbsvm_drives '*'
  ids=(\${\${found#nbsvm-}%-*} $state/*(N-/:t) $^configs/*.vm(N:t:r))
  ids=(\${(M)ids:#[A-Za-z0-9][A-Za-z0-9._-]#})
  ids=(\${(M)ids:#$id_prefix?*})
  ids=(\${\${ids#$id_prefix}:#drives})
  used=(\${(s:,:)IPREFIX})
  ids=(\${ids:|used})
  _describe -t vms VM ids
}

${zshMachines}

${zshParts}

_nbsvm_classes() {
  local -aU classes
  classes=($^configs/*.class(N:t:r))
  classes=(\${classes:#default})
  _describe -t classes class classes
}

# Offers what a source has.
_nbsvm_from() {
  local -a choices
  case $1 in
    :*) choices=(\${=1#:}); _describe -t values value choices ;;
    vms) _nbsvm_vms ;;
    targets) _nbsvm_vms; _nbsvm_machines vms ;;
    machines) _nbsvm_machines ;;
    classes) _nbsvm_classes ;;
    numbers) _nbsvm_numbers ;;
    checkpoints) _nbsvm_checkpoints ;;
    names) _describe -t names 'action, command or setting' _nbsvm_names ;;
    files) _files ;;
  esac
}

# Offers values after name= or --flag=.
_nbsvm_value() {
  local source
  _nbsvm_value_of "\${cur%%=*}="
  compset -P '[^=]#='
  _nbsvm_from "$source"
}

# What may come at the cursor after action or command number [at]; true where something else may come as well.
_nbsvm_follow() {
  local takes_options min max source
  local -i took=0
  local -a flags valued
  _nbsvm_row "$1 $line[at]"
  ((++at))
  if [[ -n $takes_options ]]; then
    [[ $line[at] == -* ]] || return 0
    while ((at < CURRENT)) && [[ $line[at] != -- ]]; do ((++at)); done
    ((at < CURRENT)) && ((++at)) && return 0
    if [[ $cur == -* ]]; then compadd -- --; else _files; fi
    return 1
  fi
  for (( ; at < CURRENT; ++at)); do
    if [[ $line[at] == -- ]]; then ((++at)) && return 0; fi
    if [[ $line[at] == --* ]]; then continue; fi
    ((took < max)) || return 0
    ((++took))
  done
  if [[ $cur == --*=* ]]; then
    _nbsvm_value
    return 1
  fi
  ((\${#flags} + \${#valued} == 0)) || _describe -o flag flags -- valued -S =
  [[ $cur == -* ]] && return 1
  ((took < max)) && _nbsvm_from "$source"
  ((took >= min))
}

# VM [setting=value ...] ACTION [words] [ACTION ...]
_nbsvm_chain() {
  local -i at=3
  while ((at < CURRENT)) && [[ $line[at] == [A-Za-z_][A-Za-z0-9_-]#=* ]]; do
    if [[ $line[at] == class=* ]]; then id_prefix=\${line[at]#class=} id_prefix=\${id_prefix:+$id_prefix-}; fi
    ((++at))
  done
  if ((at == CURRENT)) && [[ $cur == *=* ]]; then
    _nbsvm_value
    return
  elif ((at == CURRENT)); then
    _describe -t settings setting _nbsvm_settings -S =
  else
    while ((at < CURRENT)); do _nbsvm_follow action || return; done
  fi
  _describe -t actions action _nbsvm_actions
}

_nbsvm() {
  local cur=\${(Q)PREFIX} id_prefix= state drives records program=\${\${(Q)words[1]}:t}
  local -a line=("\${(@Q)words[1,CURRENT-1]}" "\${(Q)PREFIX}") configs
  _nbsvm_places
  # The class comes from the environment, else from the name of the link.
  if [[ \${(t)class} == *export* && -n $class ]]; then
    id_prefix=$class-
  elif [[ $program == ?*vm && $program != nbsvm ]]; then
    id_prefix=\${program%vm}-
  fi
  if ((CURRENT == 2)); then
    compset -P '*,' || _describe -t commands command _nbsvm_commands
    _nbsvm_vms
    _nbsvm_machines vms
  elif ((\${_nbsvm_commands[(I)$line[2]:*]})); then
    local -i at=2
    _nbsvm_follow command
  else
    _nbsvm_chain
  fi
}
`
