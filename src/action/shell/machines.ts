// Machines, and the VMs of machines, as the three scripts offer them: machines that ssh's own config names, as soon as something is typed,
// and after the colon the VMs there, where there is a connection already.

/**
 * What a script asks another machine, in the words of all three shells; `$socket` is where its connection is shared. Nobody is asked for a
 * password by a Tab: without a connection there is no answer, and a second is all that it may take.
 */
const askThere =
  'timeout 1 ssh -o ControlPath="$socket" -o ProxyCommand=false -o BatchMode=yes -- "$host" ' +
  String.raw`"PATH=\$PATH:/usr/local/bin:\$HOME/.local/bin:\$HOME/bin nbsvm ls -c vm" 2>/dev/null </dev/null | tail -n +2`

export const bashMachines = `# Offers machines as HOST:, and their VMs where the first word is vms.
_nbsvm_machines() {
  local typed=\${cur#"$prefix"} host socket line vm
  [[ -n $typed ]] || return 0
  if [[ $typed == *:* ]]; then
    host=\${typed%%:*} socket=$state/.ssh/to-\${typed%%:*}
    [[ -S $socket ]] || socket=$state/.ssh/$(printf %s "$host" | sha256sum | cut -c 1-16)
    [[ $1 == vms && $host =~ ^[A-Za-z0-9_][A-Za-z0-9._@-]*$ && -S $socket ]] || return 0
    while read -r vm; do
      [[ $vm =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ && ",$prefix" != *",$host:$vm,"* ]] && _nbsvm_offer "$host:$vm"
    done < <(${askThere})
  elif [[ -r \${HOME-}/.ssh/config ]]; then
    while read -ra line; do
      [[ \${line[0]-} == [Hh][Oo][Ss][Tt] ]] || continue
      for host in "\${line[@]:1}"; do
        [[ $host =~ ^[A-Za-z0-9_][A-Za-z0-9._-]*$ ]] && _nbsvm_offer "$host:"
      done
    done <"$HOME/.ssh/config"
  fi
}`

export const zshMachines = `# Offers machines as HOST:, and their VMs where the first word is vms.
_nbsvm_machines() {
  local host socket line
  local -a names used
  [[ -n $PREFIX ]] || return
  if compset -P '*:'; then
    host=\${\${IPREFIX%:}##*,} socket=$state/.ssh/to-\${\${IPREFIX%:}##*,}
    [[ -S $socket ]] || socket=$state/.ssh/\${"$(printf %s $host | sha256sum)"[1,16]}
    [[ $1 == vms && $host == [A-Za-z0-9_][A-Za-z0-9._@-]# && -S $socket ]] || return
    names=(\${(M)\${(f)"$(${askThere})"}:#[A-Za-z0-9][A-Za-z0-9._-]#})
    used=(\${\${(M)\${(s:,:)IPREFIX}:#$host:?*}#*:})
    names=(\${names:|used})
    _describe -t vms VM names
  elif [[ -r $HOME/.ssh/config ]]; then
    for line in \${(M)\${(f)"$(<$HOME/.ssh/config)"}:#[[:space:]]#[Hh][Oo][Ss][Tt][[:space:]]*}; do
      names+=(\${(M)\${\${=line}[2,-1]}:#[A-Za-z0-9_][A-Za-z0-9._-]#})
    done
    _describe -t hosts machine names -S :
  fi
}`

export const fishMachines = `# Offers machines as HOST:, and their VMs where the first word is vms.
function __nbsvm_machines -S
    set -l typed (string sub -s (math (string length -- "$prefix") + 1) -- $cur)
    test -n "$typed"; or return
    if string match -q '*:*' -- $typed
        set -l host (string replace -r ':.*' '' -- $typed)
        set -l socket $state/.ssh/to-$host
        test -S "$socket"; or set socket $state/.ssh/(printf %s $host | sha256sum | string sub -l 16)
        test "$argv[1]" = vms -a -S "$socket"; and string match -qr '^[A-Za-z0-9_][A-Za-z0-9._@-]*$' -- $host; or return
        for vm in (${askThere} | string match -r '^[A-Za-z0-9][A-Za-z0-9._-]*$')
            string match -q "*,$host:$vm,*" -- ",$prefix"; or printf '%s%s:%s\\tVM\\n' "$prefix" $host $vm
        end
    else if test -r $HOME/.ssh/config
        for line in (string match -ri '^\\s*host\\s.*' <$HOME/.ssh/config)
            for host in (string match -r '^[A-Za-z0-9_][A-Za-z0-9._-]*$' -- (string match -ra '\\S+' -- $line)[2..-1])
                printf '%s%s:\\tmachine\\n' "$prefix" $host
            end
        end
    end
end`
