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
