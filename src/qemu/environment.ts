// What QEMU gets of the caller's environment: what it needs, and no secret that a shell happens to hold.

/** Language and time. */
const anybody = /^(?:PATH|LANG|LANGUAGE|LC_[A-Z]+|TZ)$/

/** What a window, sound, a library that is somewhere else, and temporary files need, where QEMU runs as the caller. */
const ownUser =
  /^(?:HOME|USER|LOGNAME|TMPDIR|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|LD_LIBRARY_PATH|(?:XDG|SDL|GDK|GTK|QT|PULSE|PIPEWIRE|ALSA|MESA|LIBGL|VK|QEMU|SPICE)_[A-Z0-9_]+)$/

/** The variables that QEMU is run with. */
export function qemuEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  { isOwnUser }: { readonly isOwnUser: boolean },
): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (anybody.test(name) || (isOwnUser && ownUser.test(name)))) found[name] = value
  }
  return found
}
