// Making a VM: the form on one side, the line that it stands for below it.
import { useState } from 'preact/hooks'
import type { WireImage, WireSetting } from '../../web/protocol.js'
import { asJson, useAsked } from '../link/asked.js'
import { useCell } from '../link/cell.js'
import { go, vmUrl } from '../link/place.js'
import { jobs, lineOf, runLine } from '../link/run.js'
import { vms } from '../link/watch.js'
import { Copy, Line } from '../part/copy.js'
import { Missing } from '../part/facts.js'
import { MoreSettings, SettingField } from '../part/settingfield.js'
import { nameTrouble, settingsFile, wordsOf, type Wish } from '../pure/making.js'
import { size } from '../pure/words.js'

/** What most want to say; the others are offered below. */
const usual = ['mem', 'smp', 'drive_size', 'forward']

export function NewView() {
  const images = useAsked<WireImage[]>('images', asJson)
  const settings = useAsked<WireSetting[]>('settings', asJson)
  const known = useCell(vms)
  const [wish, setWish] = useState<Wish>({ name: '', image: '', settings: {}, startsIt: true })
  const [made, setMade] = useState('')
  const isAtWork = useCell(jobs, (all) => all.some(({ id, state }) => id === made && state === 'running'))
  const trouble = nameTrouble(wish.name, (id) => known?.has(id) === true && id !== made)
  const words = wordsOf(wish)
  const change = (part: Partial<Wish>): void => setWish({ ...wish, ...part })
  const set = (name: string, value: string): void => change({ settings: { ...wish.settings, [name]: value } })
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (trouble !== undefined || wish.name === '' || isAtWork) return
    setMade(wish.name)
    const { state } = await runLine(words)
    if (state === 'done') go(vmUrl(wish.name, wish.startsIt ? 'console' : 'drives'))
  }
  return (
    <form class="paper make" onSubmit={(event) => void submit(event)}>
      <h1>New VM</h1>
      <div class="field">
        <label for="name">Name</label>
        <input
          id="name"
          required
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={64}
          aria-describedby="name-trouble"
          aria-invalid={trouble !== undefined}
          value={wish.name}
          onInput={({ currentTarget }) => change({ name: currentTarget.value.trim() })}
        />
        <p id="name-trouble" class="warning">
          {trouble}
        </p>
      </div>
      <Missing fault={images.fault ?? settings.fault} />
      <ImageField images={images.answer ?? []} image={wish.image} onImage={(image) => change({ image })} />
      {usual.map((name) => {
        const setting = settings.answer?.find((one) => one.name === name)
        return (
          setting && (
            <SettingField key={name} setting={setting} value={wish.settings[name] ?? ''} onValue={(value) => set(name, value)} />
          )
        )
      })}
      <MoreSettings
        settings={settings.answer?.filter(({ name }) => !usual.includes(name) && name !== 'image') ?? []}
        values={wish.settings}
        onValue={set}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={wish.startsIt}
          onChange={({ currentTarget }) => change({ startsIt: currentTarget.checked })}
        />{' '}
        start it
      </label>
      <Line text={lineOf(words)} />
      <Keeping wish={wish} />
      <div class="buttons">
        <button type="submit" class="primary" aria-disabled={isAtWork}>
          {isAtWork ? 'Making it …' : 'Make it'}
        </button>
      </div>
    </form>
  )
}

interface ImageProps {
  readonly images: readonly WireImage[]
  readonly image: string
  readonly onImage: (image: string) => void
}

function ImageField({ images, image, onImage }: ImageProps) {
  const here = images.filter(({ kept }) => kept.length > 0)
  const others = images.filter(({ kept }) => kept.length === 0)
  const chosen = images.find(({ name }) => name === image)
  return (
    <div class="field">
      <label for="image">Image</label>
      <select
        id="image"
        value={image}
        aria-describedby="image-about"
        onChange={({ currentTarget }) => onImage(currentTarget.value)}
      >
        <option value="">none: an empty drive</option>
        {here.length > 0 && (
          <optgroup label="On this machine">
            {here.map((one) => (
              <ImageOption key={one.name} image={one} />
            ))}
          </optgroup>
        )}
        <optgroup label="To be downloaded">
          {others.map((one) => (
            <ImageOption key={one.name} image={one} />
          ))}
        </optgroup>
      </select>
      <p id="image-about" class="hint">
        {chosen === undefined ? 'What its first drive is made of.' : aboutImage(chosen)}
      </p>
    </div>
  )
}

function ImageOption({ image: { name, title } }: { readonly image: WireImage }) {
  return <option value={name}>{title === name ? name : `${name}: ${title}`}</option>
}

function aboutImage({ kept, level, user }: WireImage): string {
  const where = kept[0] === undefined ? 'It is downloaded first.' : `${size(kept[0].sizeBytes)} on this machine.`
  const checks: Readonly<Record<string, string>> = {
    pinned: 'Checked against the digest that nbsvm knows.',
    signed: "Checked by its vendor's signature.",
    https: 'Checked by nothing but HTTPS.',
    none: 'Not checked.',
  }
  return [where, checks[level] ?? '', user === null ? '' : `Its user is ${user}.`].join(' ')
}

/** What a line says holds for that line; who wants it to stay writes it into a file. */
function Keeping({ wish }: { readonly wish: Wish }) {
  const file = settingsFile(wish)
  if (file === '') return null
  return (
    <details class="keeping">
      <summary>Settings hold for this line. To have later starts use them too …</summary>
      <p>
        … put this into <code>~/.config/nbsvm/{wish.name === '' ? 'NAME' : wish.name}.vm</code> (root: <code>/etc/nbsvm/</code>):
      </p>
      <pre tabIndex={0}>{file}</pre>
      <Copy text={file} what="the settings" />
    </details>
  )
}
