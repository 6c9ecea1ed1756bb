// The completion script for fish 3.2 and later.
import type { Offer, RowOffer } from './offer.js'
import { fishMachines } from './machines.js'
import { fishParts } from './parts.js'
import { sourceText, valuesOf } from './value.js'

/** The complete script: fish loads it by the program's name, or it is sourced. */
export function fishScript(offer: Offer): string {
  const { programs, actions, commands, settings } = offer
  const names = settings.filter(({ name }) => name !== 'class')
  return `# fish completion for ${programs.join(' and ')}. Made by: nbsvm completion fish
# For one more link, such as winvm (class win): complete -c winvm -f -a '(__nbsvm_complete)'

${list('__nbsvm_actions', actions)}
${list('__nbsvm_commands', commands)}
${list('__nbsvm_settings', settings, '=')}
${list('__nbsvm_names', [...actions, ...commands, ...names])}
# What may follow an action or a command: takes_options, min, max, source.
function __nbsvm_row -S
    set takes_options no
    set min 0
    set max 0
    set source none
    switch "$argv[1]"
${[...cases('action', actions), ...cases('command', commands)].join('\n')}
    end
end

# The flags of an action or a command.
function __nbsvm_flags
    switch "$argv[1]"
${[...flagLists('action', actions), ...flagLists('command', commands)].join('\n')}
    end
end

# What the value of a setting or a flag is.
function __nbsvm_value_of
    switch "$argv[1]"
${valuesOf(offer)
  .map(({ begin, source }) => `        case ${quote(begin)}\n            echo ${quote(sourceText(source))}`)
  .join('\n')}
    end
end

${engine}
${programs.map((program) => `complete -c ${quote(program)} -f -a '(__nbsvm_complete)'`).join('\n')}
`
}

/** fish knows two escapes in single quotes: \\ and \'. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function list(name: string, rows: readonly { readonly name: string; readonly help: string }[], suffix = ''): string {
  const lines = rows.map((row) => ` \\\n        ${quote(row.name + suffix)} ${quote(row.help)}`)
  return `function ${name}\n    printf '%s\\t%s\\n'${lines.join('')}\nend\n`
}

function cases(kind: string, rows: readonly RowOffer[]): string[] {
  return rows.flatMap(({ name, takesOptions, min, max, source }) => {
    const facts = [
      ...(takesOptions ? ['set takes_options yes'] : []),
      ...(min > 0 ? [`set min ${min}`] : []),
      ...(max > 0 ? [`set max ${max}`, `set source ${quote(sourceText(source))}`] : []),
    ]
    return facts.length === 0 ? [] : [`        case ${quote(`${kind} ${name}`)}`, ...facts.map((fact) => `            ${fact}`)]
  })
}

function flagLists(kind: string, rows: readonly RowOffer[]): string[] {
  return rows
    .filter(({ flags }) => flags.length > 0)
    .flatMap(({ name, flags }) => [
      `        case ${quote(`${kind} ${name}`)}`,
      `            printf '%s\\t%s\\n' ${flags.map(({ text, help }) => `${quote(text)} ${quote(help)}`).join(' ')}`,
    ])
}

/** The part that is the same whatever the tables say. */
const engine = `# Where things are, as state, drives, records and configs; the same rules as nbsvm's own.
function __nbsvm_places -S
    if test -n "$NBSVM_HOME"
        set state $NBSVM_HOME/state
        set drives $NBSVM_HOME/drives
        set records $NBSVM_HOME/vms
        set configs $NBSVM_HOME/config
    else if fish_is_root_user
        set state /var/lib/nbsvm
        set drives /var/lib/nbsvm/drives
        set records /var/lib/nbsvm/vms
        set configs /etc/nbsvm
    else
        set state (__nbsvm_xdg "$XDG_STATE_HOME" .local/state)
        set drives (__nbsvm_xdg "$XDG_DATA_HOME" .local/share)/drives
        set records (__nbsvm_xdg "$XDG_DATA_HOME" .local/share)/vms
        set configs (__nbsvm_xdg "$XDG_CONFIG_HOME" .config) /etc/nbsvm
    end
end

# XDG tells to ignore relative paths.
function __nbsvm_xdg
    string match -q '/*' -- $argv[1]; and echo $argv[1]/nbsvm; or echo $HOME/$argv[2]/nbsvm
end

# Every drive that bears a VM's name, file or volume: nbsvm-ID-N.
function __nbsvm_drives -S
    set -l files $drives/nbsvm-*-*.qcow2 $drives/nbsvm-*-*.raw /dev/*/nbsvm-*-*
    string replace -rf '^.*/(nbsvm-[A-Za-z0-9][A-Za-z0-9._-]*-[0-9]+)(\\.qcow2|\\.raw)?$' '$1' -- $files
end

# Offers VMs by name, with prefix before each and without those that prefix has already.
function __nbsvm_vms -S
    set -l ids (__nbsvm_drives | string replace -r '^nbsvm-(.*)-[0-9]+$' '$1')
    set -l drawers $state/*/
    set -a ids (string replace -r '^.*/([^/]+)/$' '$1' -- $drawers)
    set -l files $configs/*.vm
    set -a ids (string replace -r '^.*/(.*)\\.vm$' '$1' -- $files)
    set -l used (string split , -- $prefix)
    # No ? in a pattern: fish 4 takes it literally, earlier ones as any character.
    set -l shape '^'(string escape --style=regex -- "$id_prefix")'.'
    for id in (string match -r '^[A-Za-z0-9][A-Za-z0-9._-]*$' -- $ids | sort -u)
        string match -qr -- $shape $id; and test $id != drives; or continue
        set -l name (string sub -s (math (string length -- "$id_prefix") + 1) -- $id)
        contains -- $name $used; or printf '%s%s\\tVM\\n' "$prefix" $name
    end
end

${fishMachines}

${fishParts}

function __nbsvm_classes -S
    set -l files $configs/*.class
    for class_name in (string replace -r '^.*/(.*)\\.class$' '$1' -- $files)
        test $class_name = default; or printf '%s%s\\tclass\\n' "$prefix" $class_name
    end
end

# Offers what a source has, with prefix before each.
function __nbsvm_from -S
    switch "$argv[1]"
        case ':*'
            for word in (string split ' ' -- (string sub -s 2 -- $argv[1]))
                echo "$prefix$word"
            end
        case vms
            __nbsvm_vms
        case targets
            __nbsvm_vms
            __nbsvm_machines vms
        case machines
            __nbsvm_machines
        case classes
            __nbsvm_classes
        case numbers
            __nbsvm_numbers
        case checkpoints
            __nbsvm_checkpoints
        case names
            __nbsvm_names
        case files
            for file in (__fish_complete_path (string sub -s (math (string length -- "$prefix") + 1) -- $cur))
                echo "$prefix$file"
            end
    end
end

# Offers values after name= or --flag=.
function __nbsvm_value -S
    set -l prefix (string replace -r '=.*' '=' -- $cur)
    __nbsvm_from (__nbsvm_value_of $prefix)
end

# What may come at the cursor after action or command number at; true where something else may come as well.
function __nbsvm_follow -S
    set -l row $argv[1] $line[$at]
    set -l takes_options
    set -l min
    set -l max
    set -l source
    set -l took 0
    __nbsvm_row "$row"
    set at (math $at + 1)
    if test $takes_options = yes
        set -l first $cur
        test $at -lt $last; and set first $line[$at]
        string match -q -- '-*' "$first"; or return 0
        while test $at -lt $last; and test "$line[$at]" != --
            set at (math $at + 1)
        end
        if test $at -lt $last
            set at (math $at + 1)
            return 0
        end
        if string match -q -- '-*' "$cur"
            printf '%s\\n' --
        else
            __nbsvm_from files
        end
        return 1
    end
    while test $at -lt $last
        if test "$line[$at]" = --
            set at (math $at + 1)
            return 0
        end
        if not string match -q -- '--*' "$line[$at]"
            test $took -lt $max; or return 0
            set took (math $took + 1)
        end
        set at (math $at + 1)
    end
    if string match -q -- '--*=*' "$cur"
        __nbsvm_value
        return 1
    else if string match -q -- '-*' "$cur"
        __nbsvm_flags "$row"
        return 1
    end
    if test $took -lt $max
        __nbsvm_from $source
    end
    test $took -ge $min
end

# VM [setting=value ...] ACTION [words] [ACTION ...]
function __nbsvm_chain -S
    set -l at 3
    while test $at -lt $last; and string match -qr '^[A-Za-z_][A-Za-z0-9_-]*=' -- "$line[$at]"
        string match -q 'class=*' -- $line[$at]; and set id_prefix (string replace -rf '^class=(.+)' '$1-' -- $line[$at])
        set at (math $at + 1)
    end
    if test $at -eq $last; and string match -q '*=*' -- "$cur"
        __nbsvm_value
        return
    else if test $at -eq $last
        __nbsvm_settings
    else
        while test $at -lt $last
            __nbsvm_follow action; or return
        end
    end
    __nbsvm_actions
end

function __nbsvm_complete
    set -l line (commandline -opc)
    set -l cur (commandline -ct)
    set -l last (math (count $line) + 1)
    set -l program (string replace -r '^.*/' '' -- $line[1])
    set -l prefix
    set -l id_prefix
    set -l state
    set -l drives
    set -l records
    set -l configs
    __nbsvm_places
    # The class comes from the environment, else from the name of the link.
    if set -qx class; and test -n "$class"
        set id_prefix $class-
    else if string match -qr '.vm$' -- $program; and test $program != nbsvm
        set id_prefix (string replace -r 'vm$' '' -- $program)-
    end
    if test $last -eq 2
        set prefix (string match -r '^.*,' -- $cur)
        test -n "$prefix"; or __nbsvm_commands
        __nbsvm_vms
        __nbsvm_machines vms
    else if __nbsvm_commands | string match -q -- $line[2]\\t'*'
        set -l at 2
        __nbsvm_follow command
    else
        __nbsvm_chain
    end
end
`
