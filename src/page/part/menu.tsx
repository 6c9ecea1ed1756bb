import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon, type IconName } from './icon.js'

interface Props {
  readonly icon: IconName
  readonly label: string
  readonly children: ComponentChildren
}

/** What opens below a button; Escape, or a press anywhere else, closes it. */
export function Menu({ icon, label, children }: Props) {
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const close = (): void => details.current?.removeAttribute('open')
    const press = ({ target }: PointerEvent): void => {
      if (target instanceof Node && details.current?.contains(target) !== true) close()
    }
    const key = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || details.current?.open !== true) return
      close()
      details.current.querySelector('summary')?.focus()
    }
    document.addEventListener('pointerdown', press)
    document.addEventListener('keydown', key)
    return () => {
      document.removeEventListener('pointerdown', press)
      document.removeEventListener('keydown', key)
    }
  }, [])
  return (
    <details class="menu" ref={details}>
      <summary>
        <Icon name={icon} />
        <span>{label}</span>
      </summary>
      <div class="sheet">{children}</div>
    </details>
  )
}
