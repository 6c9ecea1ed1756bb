// What a VM takes of this machine: processors, memory, drives, network, over the last minutes.
import { useEffect } from 'preact/hooks'
import type { WireVm } from '../../web/protocol.js'
import { useCell } from '../link/cell.js'
import { figures, wantFigures } from '../link/watch.js'
import { Off } from '../part/off.js'
import { Plot, type Series } from '../part/plot.js'
import { binaryTopFor, topFor } from '../pure/plot.js'
import { rate, size } from '../pure/words.js'

const shownMs = 5 * 60_000

/** At first the plots are so wide, and become wider with time. */
const firstMs = 60_000
const megabyte = 2 ** 20

type Figure = 'cpus' | 'residentBytes' | 'memBytes' | 'diskRead' | 'diskWrite' | 'netReceive' | 'netSend'

export function FiguresView({ vm }: { readonly vm: WireVm }) {
  const { id, state } = vm
  const runs = state !== 'stopped'
  useEffect(() => (runs ? wantFigures(id) : undefined), [id, runs])
  return runs ? <Plots vm={vm} /> : <Off vm={vm} />
}

function Plots({ vm: { id, memBytes } }: { readonly vm: WireVm }) {
  const all = useCell(figures, (known) => known.get(id)) ?? []
  const toMs = all.at(-1)?.atMs ?? Date.now()
  const fromMs = Math.max(toMs - shownMs, Math.min(all[0]?.atMs ?? toMs, toMs - firstMs))
  const seen = all.filter(({ atMs }) => atMs >= fromMs)
  const of = (name: string, figure: Figure): Series => ({
    name,
    points: seen.map((one) => ({ atMs: one.atMs, value: one[figure] })),
  })
  const span = { fromMs, toMs }
  const disk = [of('read', 'diskRead'), of('written', 'diskWrite')]
  const net = [of('received', 'netReceive'), of('sent', 'netSend')]
  return (
    <section class="paper figures" aria-label={`Figures of ${id}`}>
      <Plot
        title="Processors"
        series={[of('busy', 'cpus')]}
        top={topFor(highest([of('', 'cpus')]), 1)}
        words={(value) => `${Math.round(value * 100)} %`}
        {...span}
      />
      <Plot
        title="Memory"
        series={[of('on this machine', 'residentBytes'), of("guest's", 'memBytes')]}
        top={Math.max(memBytes ?? 0, binaryTopFor(highest([of('', 'residentBytes')]), 64 * megabyte))}
        words={size}
        {...span}
      />
      <Plot title="Drives" series={disk} top={binaryTopFor(highest(disk), megabyte)} words={rate} {...span} />
      <Plot title="Network" series={net} top={binaryTopFor(highest(net), megabyte / 8)} words={rate} {...span} />
      <p class="hint">
        At most the last {shownMs / 60_000} minutes, once a second, as long as this is looked at. 100 % is one processor of this
        machine.
      </p>
    </section>
  )
}

function highest(series: readonly Series[]): number {
  return Math.max(0, ...series.flatMap(({ points }) => points.map(({ value }) => value ?? 0)))
}
