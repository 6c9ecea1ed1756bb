// What is run in a guest by its /bin/sh. Nothing of the caller's stands in a script: it is given as arguments.

/** Ends process $1 and all that came of it: told so first, killed after $2 seconds. */
export const killScript = `
tree() {
  echo "$1"
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$stat" || continue
    set -- "$1" \${line##*) }
    child=\${stat#/proc/}
    [ "$3" != "$1" ] || (tree "\${child%/stat}")
  done
}
alive() { for pid in $pids; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
pids=$(tree "$1")
kill -TERM $pids 2>/dev/null
tries=$(($2 * 10))
while alive && [ $tries -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
kill -KILL $pids 2>/dev/null
`

/** Makes a folder that only its owner can enter, where large files may be, and prints its path. */
export const folderScript = `
umask 077
for base in /var/tmp /tmp; do [ -d "$base" ] && mktemp -d "$base/nbsvm.XXXXXXXXXX" && exit; done
exit 1
`

/** Runs $2 $3 ... with its input from the folder $1, and what it says into there. */
export const spoolScript = `
folder=$1
shift
exec "$@" <"$folder/in" >"$folder/out" 2>"$folder/err"
`

/** Where relative paths begin. */
const goHome = 'cd "${HOME:-/}" 2>/dev/null || cd /'

/**
 * Says what stands at $1, where files are to go: `folder`, `file` or `none`, with the owner of the folder that they will be in. Fails
 * where there is no such folder.
 */
export const placeScript = `
${goHome}
command -v tar >/dev/null || { echo "there is no tar in the guest" >&2; exit 1; }
if [ -d "$1" ]; then kind=folder at=$1
else
  case $1 in */) echo "there is no folder $1 in the guest" >&2; exit 1;; esac
  at=\${1%/*}
  [ -d "$at/" ] || { echo "there is no folder $at in the guest" >&2; exit 1; }
  if [ -e "$1" ] || [ -L "$1" ]; then kind=file; else kind=none; fi
fi
set -f
set -- $(ls -ldn "$at/.")
echo "$kind $3 $4"
`

/**
 * GNU's tar takes 10K at a time unless it is told otherwise: a guest that is translated is twice as long at that as at as much as a
 * pipe holds. Others, which have no option for it, do not read this variable.
 */
const largePieces = 'export TAR_OPTIONS=--blocking-factor=128'

/** Unpacks an archive into the folder $1. */
export const intoScript = `
${goHome}
${largePieces}
exec tar -xpf - -C "$1"
`

/** Unpacks an archive of $2, and puts that into the place of $1. */
export const ontoScript = `
${goHome}
folder=$(mktemp -d "\${1%/*}/.nbsvm.XXXXXXXXXX") || exit
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
${largePieces}
tar -xpf - -C "$folder" && mv -f "$folder/$2" "$1"
`

/** Packs what is at $1, a link followed. */
export const packScript = `
${goHome}
path=$(readlink -f "$1") && [ -e "$path" ] || { echo "there is no $1 in the guest" >&2; exit 1; }
[ "$path" != / ] || { echo "/ as a whole cannot be copied" >&2; exit 1; }
${largePieces}
cd "\${path%/*}/" && exec tar -cf - "./\${path##*/}"
`

/** Runs the script $1 with $2 $3 ... as root. Fails where that needs a password. */
export const rootScript = `
script=$1
shift
[ "$(id -u)" != 0 ] || exec sh -c "$script" sh "$@"
exec sudo -n sh -c "$script" sh "$@"
`

/** The same as root, where that needs no password; else as whoever has logged in. */
export const bestScript = `
script=$1
shift
if [ "$(id -u)" = 0 ] || ! sudo -n true 2>/dev/null; then exec sh -c "$script" sh "$@"; fi
exec sudo -n sh -c "$script" sh "$@"
`
