const two = (number: number): string => String(number).padStart(2, '0')

/** Local time as people read it: `2026-11-24 10:32:07`. */
export function timeOf(ms: number): string {
  const date = new Date(ms)
  // QEMU's clock is not ours.
  if (Number.isNaN(date.getTime())) return 'an unknown time'
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
