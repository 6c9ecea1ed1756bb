import { useState } from 'preact/hooks'
import type { WireSetting } from '../../web/protocol.js'

interface FieldProps {
  readonly setting: WireSetting
  readonly value: string
  readonly onValue: (value: string) => void
}

/** One setting: a choice where only a few words can be written, else a text. */
export function SettingField({ setting: { name, help, expects, choices, default: usual }, value, onValue }: FieldProps) {
  const about = `${name}-about`
  return (
    <div class="field">
      <label for={name}>{name}</label>
      {choices === null ? (
        <input
          id={name}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder={usual}
          title={expects}
          aria-describedby={about}
          value={value}
          onInput={({ currentTarget }) => onValue(currentTarget.value)}
        />
      ) : (
        <select id={name} value={value} aria-describedby={about} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
          <option value="">{usual}</option>
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )}
      <p id={about} class="hint">
        {help}
      </p>
    </div>
  )
}

interface MoreProps {
  readonly settings: readonly WireSetting[]
  readonly values: Readonly<Record<string, string>>
  readonly onValue: (name: string, value: string) => void
}

/** The other settings, one by one as they are chosen. */
export function MoreSettings({ settings, values, onValue }: MoreProps) {
  const [chosen, setChosen] = useState<readonly string[]>([])
  return (
    <>
      {settings
        .filter(({ name }) => chosen.includes(name))
        .map((setting) => (
          <SettingField
            key={setting.name}
            setting={setting}
            value={values[setting.name] ?? ''}
            onValue={(value) => onValue(setting.name, value)}
          />
        ))}
      <div class="field">
        <label for="more">Another setting</label>
        <select
          id="more"
          value=""
          onChange={({ currentTarget }) => {
            setChosen([...chosen, currentTarget.value])
            currentTarget.value = ''
          }}
        >
          <option value="">choose …</option>
          {settings
            .filter(({ name }) => !chosen.includes(name))
            .map(({ name, help }) => (
              <option key={name} value={name}>{`${name}: ${help}`}</option>
            ))}
        </select>
      </div>
    </>
  )
}
