// Dark or light: as the system has it, or as the user of this page wants it.
import { cell } from './cell.js'

export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const name = 'nbsvm-theme'

function kept(): Theme {
  const found = localStorage.getItem(name)
  return themes.find((theme) => theme === found) ?? 'auto'
}

export const theme = cell<Theme>(kept())

function show(): void {
  document.documentElement.dataset['theme'] = theme.get()
}

theme.follow(show)
show()

export function choose(wanted: Theme): void {
  localStorage.setItem(name, wanted)
  theme.set(wanted)
}

/** Whether it is dark now; for what draws by itself. */
export function isDark(): boolean {
  const wanted = theme.get()
  return wanted === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : wanted === 'dark'
}

/** Calls back when it has become dark or light, until the returned function is called. */
export function followDark(told: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', told)
  const leave = theme.follow(told)
  return () => {
    system.removeEventListener('change', told)
    leave()
  }
}
