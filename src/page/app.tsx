// Header, view and foot of the page.
import { useEffect, useRef } from 'preact/hooks'
import { useCell } from './link/cell.js'
import { base, newUrl, route } from './link/place.js'
import { choose, theme, themes } from './link/theme.js'
import { connection, me, vms } from './link/watch.js'
import { Announcer } from './part/announce.js'
import { Banner } from './part/banner.js'
import { Icon } from './part/icon.js'
import { Lines } from './part/lines.js'
import { Link } from './part/link.js'
import type { Route } from './pure/route.js'
import { ListView } from './view/list.js'
import { NewView } from './view/new.js'
import { VmView } from './view/vm.js'

export function App() {
  const now = useCell(route)
  const main = useFocusOnChange(now)
  const isKnown = useCell(connection, ({ kind }) => kind !== 'unknown')
  const isThere = useCell(vms, (all) => all !== undefined)
  const isAlone = now.kind === 'vm' && now.isAlone
  return (
    <>
      {!isAlone && (
        <>
          <a
            class="skip"
            href="#main"
            onClick={(event) => {
              event.preventDefault()
              main.current?.focus()
            }}
          >
            Skip to the content
          </a>
          <Header />
        </>
      )}
      <Banner />
      <main id="main" ref={main} tabIndex={-1} class={now.kind}>
        {isKnown && isThere && <View now={now} />}
      </main>
      {!isAlone && isKnown && <Lines />}
      <Announcer />
    </>
  )
}

function View({ now }: { readonly now: Route }) {
  const only = useCell(me, (who) => who?.only ?? null)
  switch (now.kind) {
    case 'list':
      // A page about one VM has no list.
      return only === null ? <ListView /> : <VmView id={only} tab={undefined} isAlone={false} />
    case 'new':
      return <NewView />
    case 'vm':
      return <VmView key={now.id} id={now.id} tab={now.tab} isAlone={now.isAlone} />
    case 'nowhere':
      return (
        <div class="empty">
          <h1>There is nothing at {now.path}</h1>
          <Link href={base}>All VMs</Link>
        </div>
      )
  }
}

function Header() {
  const who = useCell(me)
  const only = who?.only ?? null
  return (
    <header>
      {only === null ? (
        <Link href={base} class="brand">
          nbsvm
        </Link>
      ) : (
        <span class="brand">nbsvm</span>
      )}
      {who !== undefined && <span class="host">{`${who.user}@${who.host}`}</span>}
      {who?.viewOnly === true && <span class="tag">looking only</span>}
      <span class="gap" />
      {who?.viewOnly === false && only === null && (
        <Link href={newUrl} class="button">
          <Icon name="plus" />
          <span>New VM</span>
        </Link>
      )}
      <ThemeSwitch />
    </header>
  )
}

const themeWords = { auto: 'as the system', light: 'light', dark: 'dark' } as const

function ThemeSwitch() {
  const now = useCell(theme)
  const next = themes[(themes.indexOf(now) + 1) % themes.length] ?? 'auto'
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`Colours: ${themeWords[now]}; change to ${themeWords[next]}`}
      title={`Colours: ${themeWords[now]}`}
      onClick={() => choose(next)}
    >
      <Icon name={now} />
    </button>
  )
}

/** Another view is said by its title, and the focus is at its beginning; the first view leaves the focus to the browser. */
function useFocusOnChange(now: Route) {
  const main = useRef<HTMLElement>(null)
  const before = useRef(now)
  const name = now.kind === 'vm' ? now.id : now.kind
  useEffect(() => {
    document.title = { list: 'nbsvm', new: 'New VM · nbsvm', nowhere: 'nbsvm', vm: `${name} · nbsvm` }[now.kind]
    if (before.current !== now && (before.current.kind !== now.kind || now.kind !== 'vm'))
      main.current?.focus({ preventScroll: true })
    before.current = now
  }, [now])
  return main
}
