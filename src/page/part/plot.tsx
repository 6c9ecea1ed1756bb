// A small plot: one or two lines over the last minutes, with what they are now in words.
import { pathOf, type Point } from '../pure/plot.js'

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
}

interface Props {
  readonly title: string
  /** Two at most: the second is dashed. */
  readonly series: readonly Series[]
  readonly top: number
  readonly words: (value: number) => string
  readonly fromMs: number
  readonly toMs: number
}

const width = 600
const height = 120

export function Plot({ title, series, top, words, fromMs, toMs }: Props) {
  const now = series.map(({ name, points }) => {
    const value = points.at(-1)?.value ?? null
    return { name, text: value === null ? 'not known' : words(value) }
  })
  const frame = { width, height, fromMs, toMs, top }
  const grid = [0.25, 0.5, 0.75].map((part) => `M0 ${height * part}H${width}`).join('')
  const spoken = now.map(({ name, text }) => `${name} ${text}`).join(', ')
  return (
    <figure class="plot">
      <figcaption>
        <span class="title">{title}</span>
        {now.map(({ name, text }, at) => (
          <span key={name} class={`now series${at}`}>
            {series.length > 1 && <span class="key" aria-hidden="true" />}
            {series.length > 1 ? `${name} ` : ''}
            <strong>{text}</strong>
          </span>
        ))}
      </figcaption>
      <div class="field">
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title} over the last minutes; now ${spoken}`}
        >
          <path class="grid" d={grid} />
          {series.map(({ name, points }, at) => {
            const line = pathOf(points, frame)
            return <path key={name} class={`curve series${at}`} d={line} />
          })}
        </svg>
        <span class="top" aria-hidden="true">
          {words(top)}
        </span>
      </div>
    </figure>
  )
}
