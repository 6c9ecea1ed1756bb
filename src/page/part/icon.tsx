// Small drawings, each a path on 16 x 16, stroked in the colour of the text around them. They are never the only sign.
const paths = {
  start: 'M5 3.5v9l7.5-4.5z',
  shutdown: 'M8 2.5v5M4.8 4.6a4.8 4.8 0 1 0 6.4 0',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  stop: 'M4 4h8v8h-8z',
  reset: 'M12.5 6.5A4.8 4.8 0 1 0 12.8 9M12.8 3v3.6H9.2',
  log: 'M3.5 4h9M3.5 8h9M3.5 12h5',
  copy: 'M6 6h7v7h-7zM10 6v-3h-7v7h3',
  search: 'M7 11.5a4.5 4.5 0 1 1 0-9 4.5 4.5 0 0 1 0 9zM10.3 10.3l3.2 3.2',
  full: 'M3 6v-3h3M10 3h3v3M13 10v3h-3M6 13h-3v-3',
  window: 'M9.5 3h3.5v3.5M13 3l-6 6M11 9.5v3.5h-8v-8h3.5',
  keys: 'M2 4.5h12v7h-12zM4.5 7h.01M7 7h.01M9.5 7h.01M12 7h.01M5 9.3h6',
  paste: 'M5.5 3h5v2h-5zM5.5 4h-2v9.5h9v-9.5h-2',
  plus: 'M8 3v10M3 8h10',
  back: 'M10 3l-5 5 5 5',
  up: 'M3.5 10l4.5-4.5 4.5 4.5',
  down: 'M3.5 6l4.5 4.5 4.5-4.5',
  close: 'M4 4l8 8M12 4l-8 8',
  auto: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
  light:
    'M8 5.2a2.8 2.8 0 1 0 .01 0zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7',
  dark: 'M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z',
  screen: 'M2 3h12v8h-12zM6 13.5h4',
} as const

export type IconName = keyof typeof paths

/** What is solid looks at home beside text: the play triangle and the stop square. */
const solid: ReadonlySet<IconName> = new Set(['start', 'stop'])

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={solid.has(name) ? 'icon solid' : 'icon'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}
