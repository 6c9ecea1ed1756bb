// What a VM has that is told by a name: the numbers of its drives, its checkpoints. Read off its files, as the scripts run no nbsvm.

export const bashParts = `# Offers the numbers of the VM's drives.
_nbsvm_numbers() {
  local vm vms found drive
  IFS=, read -ra vms <<<"\${words[1]}"
  for vm in "\${vms[@]}"; do
    [[ $vm =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || continue
    _nbsvm_drives "$id_prefix$vm"
    for drive in "\${found[@]}"; do
      [[ $drive == "nbsvm-$id_prefix$vm-\${drive##*-}" ]] && _nbsvm_offer "\${drive##*-}"
    done
  done
}

# Offers the VM's checkpoints.
_nbsvm_checkpoints() {
  local vm vms name
  IFS=, read -ra vms <<<"\${words[1]}"
  for vm in "\${vms[@]}"; do
    [[ $vm =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || continue
    for name in "$records/$id_prefix$vm"/checkpoints/*/; do
      name=\${name%/} name=\${name##*/}
      [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] && _nbsvm_offer "$name"
    done
  done
}`

export const zshParts = `# Offers the numbers of the VM's drives.
_nbsvm_numbers() {
  local vm
  local -a found
  local -aU numbers
  for vm in \${(s:,:)line[2]}; do
    [[ $vm == [A-Za-z0-9][A-Za-z0-9._-]# ]] || continue
    _nbsvm_drives $id_prefix$vm
    numbers+=(\${\${(M)found:#nbsvm-$id_prefix$vm-[0-9]##}##*-})
  done
  _describe -t drives 'drive number' numbers
}

# Offers the VM's checkpoints.
_nbsvm_checkpoints() {
  local vm
  local -aU names
  for vm in \${(s:,:)line[2]}; do
    [[ $vm == [A-Za-z0-9][A-Za-z0-9._-]# ]] && names+=($records/$id_prefix$vm/checkpoints/*(N-/:t))
  done
  names=(\${(M)names:#[A-Za-z0-9][A-Za-z0-9._-]#})
  _describe -t checkpoints checkpoint names
}`

export const fishParts = `# Offers the numbers of the VM's drives.
function __nbsvm_numbers -S
    for vm in (string split , -- $line[2])
        set -l shape '^nbsvm-'(string escape --style=regex -- "$id_prefix$vm")'-([0-9]+)$'
        for number in (__nbsvm_drives | string replace -rf -- $shape '$1')
            printf '%s%s\\tdrive of %s\\n' "$prefix" $number $vm
        end
    end
end

# Offers the VM's checkpoints.
function __nbsvm_checkpoints -S
    for vm in (string match -r '^[A-Za-z0-9][A-Za-z0-9._-]*$' -- (string split , -- $line[2]))
        set -l folders $records/"$id_prefix$vm"/checkpoints/*/
        for name in (string replace -rf '^.*/([A-Za-z0-9][A-Za-z0-9._-]*)/$' '$1' -- $folders)
            printf '%s%s\\tcheckpoint of %s\\n' "$prefix" $name $vm
        end
    end
end`
