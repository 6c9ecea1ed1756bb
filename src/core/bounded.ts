// What a program says, bounded. Pure.

/**
 * A shell script that runs its arguments in a folder (a plain word) and prints what they say, at most so many bytes of it: the rest is
 * thrown away, and nobody waits.
 */
export function boundedScript(folder: string, logBytes: number): string {
  return `# Runs its arguments, and keeps the first ${logBytes} bytes of what they say.
cd ${folder} || exit
"$@" 2>&1 | { head -c ${logBytes}; exec cat >/dev/null; }
`
}
