// The completion script for bash 4.4 and later.
import { quoteWord } from '../../core/words.js'
import { namesOf, type Offer, type RowOffer } from './offer.js'
import { bashMachines } from './machines.js'
import { bashParts } from './parts.js'
import { sourceText, valueCases } from './value.js'

/** The complete script: sourced, or loaded by bash-completion by the program's name. */
export function bashScript(offer: Offer): string {
  const { programs, actions, commands, settings } = offer
  const everyName = namesOf([...actions, ...commands, ...settings.filter(({ name }) => name !== 'class')])
  return `# bash completion for ${programs.join(' and ')}. Made by: nbsvm completion bash
# For one more link, such as winvm (class win), add after it: complete -F _nbsvm winvm

_nbsvm_actions=(${namesOf(actions)})
_nbsvm_commands=(${namesOf(commands)})
_nbsvm_settings=(${namesOf(settings)})
_nbsvm_names=(${everyName})

# What may follow an action or a command: [takes_options] [min] [max] [source] [flags].
_nbsvm_row() {
  takes_options='' min=0 max=0 source=none flags=()
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
complete -F _nbsvm ${programs.map(quoteWord).join(' ')}
`
}

function cases(kind: string, rows: readonly RowOffer[]): string[] {
  return rows.flatMap(({ name, takesOptions, min, max, source, flags }) => {
    const facts = [
      ...(takesOptions ? ['takes_options=yes'] : []),
      ...(min > 0 ? [`min=${min}`] : []),
      ...(max > 0 ? [`max=${max}`, `source=${quoteWord(sourceText(source))}`] : []),
      ...(flags.length > 0 ? [`flags=(${flags.map(({ text }) => text).join(' ')})`] : []),
    ]
    return facts.length === 0 ? [] : [`    '${kind} ${name}') ${facts.join(' ')} ;;`]
  })
}

/** The part that is the same whatever the tables say. */
const engine = `# The words up to the cursor as [words], which COMP_WORDS has broken at = and : as well.
_nbsvm_split() {
  local line=\${COMP_LINE:0:COMP_POINT} at
  words=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    if ((at == 0)) || [[ $line == [[:space:]]* ]]; then
      words+=('')
      line=\${line#"\${line%%[![:space:]]*}"}
    fi
    if ((at == COMP_CWORD)); then words[-1]+=$line; else words[-1]+=\${COMP_WORDS[at]}; fi
    line=\${line#"\${COMP_WORDS[at]}"}
  done
}

# Where things are, as [state], [drives], [records] and [configs]; the same rules as nbsvm's own.
_nbsvm_places() {
  local home=\${HOME-} data=\${XDG_DATA_HOME-} config=\${XDG_CONFIG_HOME-}
  state=\${XDG_STATE_HOME-}
  if [[ -n \${NBSVM_HOME-} ]]; then
    state=$NBSVM_HOME/state drives=$NBSVM_HOME/drives records=$NBSVM_HOME/vms configs=("$NBSVM_HOME/config")
  elif ((EUID == 0)); then
    state=/var/lib/nbsvm drives=/var/lib/nbsvm/drives records=/var/lib/nbsvm/vms configs=(/etc/nbsvm)
  else
    [[ $state == /* ]] || state=$home/.local/state
    [[ $data == /* ]] || data=$home/.local/share
    [[ $config == /* ]] || config=$home/.config
    state+=/nbsvm drives=$data/nbsvm/drives records=$data/nbsvm/vms configs=("$config/nbsvm" /etc/nbsvm)
  fi
}

# Every drive whose VM's id begins so, file or volume, as [found]: nbsvm-ID-N.
_nbsvm_drives() {
  local drive
  found=()
  for drive in "$drives"/nbsvm-"$1"*-*.{qcow2,raw} /dev/*/nbsvm-"$1"*-*; do
    drive=\${drive##*/}
    drive=\${drive%.qcow2} drive=\${drive%.raw}
    [[ $drive =~ ^nbsvm-[A-Za-z0-9][A-Za-z0-9._-]*-[0-9]+$ ]] && found+=("$drive")
  done
}

# Offers VMs by name, with [prefix] before each and without those that [prefix] has already.
_nbsvm_vms() {
  local id ids=() found drive config
  local -A seen=()
  _nbsvm_drives "$id_prefix"
  for drive in "\${found[@]}"; do
    drive=\${drive#nbsvm-}
    ids+=("\${drive%-*}")
  done
  for id in "$state"/*/; do
    id=\${id%/}
    [[ \${id##*/} == drives ]] || ids+=("\${id##*/}")
  done
  for config in "\${configs[@]}"; do
    for id in "$config"/*.vm; do
      id=\${id##*/}
      ids+=("\${id%.vm}")
    done
  done
  for id in "\${ids[@]}"; do
    [[ $id =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ && $id == "$id_prefix"?* && -z \${seen[$id]} ]] || continue
    seen[$id]=yes
    id=\${id#"$id_prefix"}
    [[ ",$prefix" == *",$id,"* ]] || _nbsvm_offer "$id"
  done
}

${bashMachines}

${bashParts}

_nbsvm_classes() {
  local config file
  for config in "\${configs[@]}"; do
    for file in "$config"/*.class; do
      file=\${file##*/}
      [[ $file == default.class ]] || _nbsvm_offer "\${file%.class}"
    done
  done
}

# Offers words with [prefix] before each, where they begin with what is typed.
_nbsvm_offer() {
  local word
  for word in "$@"; do
    word=$prefix$word
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}

# Offers what a source has.
_nbsvm_from() {
  local choices
  case $1 in
    :*)
      read -ra choices <<<"\${1#:}"
      _nbsvm_offer "\${choices[@]}"
      ;;
    vms) _nbsvm_vms ;;
    targets) _nbsvm_vms; _nbsvm_machines vms ;;
    machines) _nbsvm_machines ;;
    classes) _nbsvm_classes ;;
    numbers) _nbsvm_numbers ;;
    checkpoints) _nbsvm_checkpoints ;;
    names) _nbsvm_offer "\${_nbsvm_names[@]}" ;;
    files) compopt -o default ;;
  esac
}

# Offers values after name= or --flag=.
_nbsvm_value() {
  local source prefix=\${cur%%=*}=
  _nbsvm_value_of "$prefix"
  _nbsvm_from "$source"
}

# What may come at the cursor after action or command number [at]; true where something else may come as well.
_nbsvm_follow() {
  local row=$1 takes_options min max source flags=() took=0
  _nbsvm_row "$row \${words[at++]}"
  if [[ -n $takes_options ]]; then
    [[ \${words[at]} == -* ]] || return 0
    while ((at < last)) && [[ \${words[at]} != -- ]]; do ((at++)); done
    ((at < last)) && ((++at)) && return 0
    if [[ $cur == -* ]]; then _nbsvm_offer --; else _nbsvm_from files; fi
    return 1
  fi
  for (( ; at < last; at++)); do
    if [[ \${words[at]} == -- ]]; then ((++at)) && return 0; fi
    if [[ \${words[at]} == --* ]]; then continue; fi
    ((took < max)) || return 0
    ((++took))
  done
  if [[ $cur == --*=* ]]; then
    _nbsvm_value
    return 1
  elif [[ $cur == -* ]]; then
    _nbsvm_offer "\${flags[@]}"
    return 1
  fi
  if ((took < max)); then _nbsvm_from "$source"; fi
  ((took >= min))
}

# VM [setting=value ...] ACTION [words] [ACTION ...]
_nbsvm_chain() {
  local at=2
  while ((at < last)) && [[ \${words[at]} =~ ^[A-Za-z_][A-Za-z0-9_-]*= ]]; do
    if [[ \${words[at]} == class=* ]]; then id_prefix=\${words[at]#class=} id_prefix=\${id_prefix:+$id_prefix-}; fi
    ((at++))
  done
  if ((at == last)) && [[ $cur == *=* ]]; then
    _nbsvm_value
  elif ((at == last)); then
    _nbsvm_offer "\${_nbsvm_actions[@]}" "\${_nbsvm_settings[@]/%/=}"
  else
    while ((at < last)); do _nbsvm_follow action || return; done
    _nbsvm_offer "\${_nbsvm_actions[@]}"
  fi
}

# The class as [id_prefix]: from the environment, else from the name of the link.
_nbsvm_class() {
  local program=\${words[0]##*/}
  if [[ -n \${class-} && $(declare -p class) == 'declare -'*x*' class='* ]]; then
    id_prefix=$class-
  elif [[ $program == ?*vm && $program != nbsvm ]]; then
    id_prefix=\${program%vm}-
  fi
}

_nbsvm() {
  local words cur last prefix='' id_prefix='' state drives records configs restore
  COMPREPLY=()
  restore=$(shopt -p nullglob)
  shopt -s nullglob
  _nbsvm_split
  _nbsvm_places
  _nbsvm_class
  last=$((\${#words[@]} - 1)) cur=\${words[-1]}
  if ((last == 1)); then
    if [[ $cur == *,* ]]; then prefix=\${cur%,*},; else _nbsvm_offer "\${_nbsvm_commands[@]}"; fi
    _nbsvm_vms
    _nbsvm_machines vms
  elif [[ " \${_nbsvm_commands[*]} " == *" \${words[1]} "* ]]; then
    local at=1
    _nbsvm_follow command
  else
    _nbsvm_chain
  fi
  $restore
  _nbsvm_finish
}

# No blank after name= and HOST:; and only what comes after the last = or : where readline breaks words there.
_nbsvm_finish() {
  local mark begin at
  if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=:] ]]; then compopt -o nospace; fi
  for mark in = :; do
    [[ $COMP_WORDBREAKS == *$mark* && $cur == *$mark* ]] || continue
    begin=\${cur%"\${cur##*"$mark"}"}
    for at in "\${!COMPREPLY[@]}"; do COMPREPLY[at]=\${COMPREPLY[at]#"$begin"}; done
    cur=\${cur#"$begin"}
  done
}
`
