// The foot of the page: the line of what is pointed at, the lines that were run and what came of them, and a prompt for others.
import { useEffect, useRef, useState } from 'preact/hooks'
import { messageOf } from '../../core/errors.js'
import { splitWords } from '../../core/words.js'
import { useCell } from '../link/cell.js'
import { jobs, runLine, type Job } from '../link/run.js'
import { me, useViewOnly } from '../link/watch.js'
import { pointedAt } from './actions.js'
import { announce } from './announce.js'
import { Copy } from './copy.js'
import { Icon } from './icon.js'

export function Lines() {
  const all = useCell(jobs)
  const pointed = useCell(pointedAt)
  const viewOnly = useViewOnly()
  const [isOpen, setOpen] = useState(false)
  const last = all.at(-1)
  useAnnounced(last)
  return (
    <section class="lines" aria-label="Command lines">
      {isOpen ? <History all={all} viewOnly={viewOnly} /> : last?.error != null && <Trouble job={last} />}
      <div class="bar">
        <span class="prompt" aria-hidden="true">
          $
        </span>
        {last !== undefined && <Latest job={last} />}
        {pointed !== undefined && <code class="pointed">{pointed}</code>}
        {last === undefined && pointed === undefined && (
          <span class="hint">Each button stands for a line; it is shown here.</span>
        )}
        <button type="button" class="more" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Icon name={isOpen ? 'down' : 'up'} />
          <span>Lines</span>
        </button>
      </div>
    </section>
  )
}

function Latest({ job }: { readonly job: Job }) {
  return (
    <>
      <code>{job.line}</code>
      <Outcome job={job} />
      <Copy text={job.line} />
    </>
  )
}

function Outcome({ job }: { readonly job: Job }) {
  const { state, progress, startedMs, endedMs, cancel } = job
  if (state === 'running') {
    return (
      <span class="outcome running">
        {progress ?? 'running …'}
        <button type="button" class="small" onClick={cancel}>
          Break off
        </button>
      </span>
    )
  }
  const seconds = ((endedMs ?? startedMs) - startedMs) / 1000
  return <span class={`outcome ${state}`}>{`${state === 'done' ? '✓ done' : '✗ failed'}, ${seconds.toFixed(1)} s`}</span>
}

/** Said in three parts, as on the command line: what, why, and what to type. */
function Trouble({ job: { error, number } }: { readonly job: Job }) {
  const [hidden, hide] = useState(0)
  if (error === null || hidden === number) return null
  return (
    <div class="trouble">
      <p>{error.message}</p>
      {error.hints.map((hint) => (
        <p key={hint} class="hint">
          {hint}
        </p>
      ))}
      <button type="button" class="close" aria-label="Hide this" onClick={() => hide(number)}>
        <Icon name="close" />
      </button>
    </div>
  )
}

function History({ all, viewOnly }: { readonly all: readonly Job[]; readonly viewOnly: boolean }) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => list.current?.scrollTo({ top: list.current.scrollHeight }), [all])
  return (
    <>
      {/* It scrolls, so it can have the focus. */}
      <div class="history" ref={list} tabIndex={0} role="region" aria-label="Lines that were run">
        {all.length === 0 && <p class="hint">Nothing was run from this page yet.</p>}
        {all.map((job) => (
          <div key={job.number} class="job">
            <p>
              <span class="prompt">$ </span>
              <code>{job.line}</code> <Outcome job={job} /> <Copy text={job.line} what={job.line} />
            </p>
            {job.said.length > 0 && <pre>{job.said.join('\n')}</pre>}
            {job.error !== null && (
              <pre class="error">{[job.error.message, ...job.error.hints.map((hint) => `  ${hint}`)].join('\n')}</pre>
            )}
          </div>
        ))}
      </div>
      {!viewOnly && <Prompt />}
    </>
  )
}

/** Any line that the server lets the page run. */
function Prompt() {
  const [text, setText] = useState('')
  const actions = useCell(me, (who) => who?.actions ?? [])
  const submit = (event: Event): void => {
    event.preventDefault()
    try {
      const [first, ...words] = splitWords(text)
      if (first === undefined) return
      void runLine(first === 'nbsvm' ? words : [first, ...words])
      setText('')
    } catch (error) {
      announce(messageOf(error))
    }
  }
  return (
    <form class="ask" onSubmit={submit}>
      <label for="line">nbsvm</label>
      <input
        id="line"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder="VM [setting=value ...] ACTION ..."
        aria-description={`Actions: ${actions.map(({ name }) => name).join(', ')}`}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit">Run</button>
    </form>
  )
}

function useAnnounced(job: Job | undefined): void {
  const state = job?.state
  useEffect(() => {
    if (job === undefined) return
    const words = { running: 'runs', done: 'done', failed: `failed: ${job.error?.message ?? ''}` }
    announce(`${job.line}: ${words[job.state]}`)
  }, [job?.number, state])
}
