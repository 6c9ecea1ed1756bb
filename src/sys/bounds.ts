// Bounds of a program that reads what somebody else wrote: what that says decides how much it takes.

/** The most that a program may take: of address space, and of a processor's time. */
export interface Bounds {
  readonly memoryBytes: number
  readonly cpuSeconds?: number
}

/** What ends a program that has had its time: the soft limit's SIGXCPU, as a shell says it. */
export const outOfTime = 152

/** The command, held to bounds. One that asks for more memory is refused it. Where a bound is lower already, that one stays. */
export function bounded(command: readonly string[], { memoryBytes, cpuSeconds }: Bounds): readonly string[] {
  const time = cpuSeconds === undefined ? '' : `ulimit -S -t ${cpuSeconds} 2>/dev/null; `
  // Each thread of glibc's would have a part of the addresses for itself.
  const script = `ulimit -v ${Math.floor(memoryBytes / 1024)} 2>/dev/null; ${time}export MALLOC_ARENA_MAX=2; exec "$@"`
  return ['sh', '-c', script, 'sh', ...command]
}
