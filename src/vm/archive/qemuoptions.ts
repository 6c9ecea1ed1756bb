// The words of a command line of QEMU as its options. Pure.

/** Options that take no word. */
const bare = new Set(
  '-enable-kvm -no-kvm -nographic -usb -daemonize -snapshot -S -s -no-reboot -no-shutdown -no-user-config -nodefaults -full-screen -no-acpi -no-hpet -no-fd-bootchk -no-quit -mem-prealloc -only-migratable'.split(
    ' ',
  ),
)

/**
 * An option of a command line, by its name with one dash, and its word; '' where it has none. A file that stands alone has no
 * option.
 */
export interface LineOption {
  readonly option: string
  readonly value: string
}

/** The words after the program. */
export function splitOptions(words: readonly string[]): LineOption[] {
  const options: LineOption[] = []
  for (let next = 0; next < words.length; next++) {
    const option = (words[next] ?? '').replace(/^--/, '-')
    if (!option.startsWith('-')) options.push({ option: '', value: option })
    else options.push({ option, value: bare.has(option) ? '' : (words[++next] ?? '') })
  }
  return options
}
