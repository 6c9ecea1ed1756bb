import { withQmp } from '../../qemu/qmp.js'
import type { Drawer } from '../record/drawer.js'

/** A list waits no longer for a VM that does not answer, or that another client talks to. */
const qmpTimeoutMs = 500

/** What a VM that runs is doing, as its QEMU says; undefined where that gives no answer at once. */
export async function stateNow({ qmp }: Pick<Drawer, 'qmp'>): Promise<'running' | 'paused' | undefined> {
  try {
    const { status } = await withQmp(qmp, { timeoutMs: qmpTimeoutMs }, (session) => session.execute('query-status'))
    return status === 'running' ? 'running' : 'paused'
  } catch {
    return undefined
  }
}
