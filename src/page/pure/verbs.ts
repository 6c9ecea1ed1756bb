// The buttons of a VM: each stands for one line.
import type { WireState } from '../../web/protocol.js'

export interface VerbButton {
  readonly verb: string
  readonly label: string
  readonly icon: 'start' | 'shutdown' | 'pause' | 'stop' | 'reset'
  /** The states in which it does something. */
  readonly when: readonly WireState[]
  /** What is asked before it is done, because something may be lost. */
  readonly warning?: string
  /** Left out where there is little room. */
  readonly isRare?: boolean
}

export const verbButtons: readonly VerbButton[] = [
  { verb: 'start', label: 'Start', icon: 'start', when: ['stopped'] },
  { verb: 'resume', label: 'Resume', icon: 'start', when: ['paused'] },
  { verb: 'shutdown', label: 'Shut down', icon: 'shutdown', when: ['running'] },
  { verb: 'pause', label: 'Pause', icon: 'pause', when: ['running'] },
  {
    verb: 'reset',
    label: 'Reset',
    icon: 'reset',
    when: ['running', 'paused'],
    warning: 'Its guest is not told: what it has not written to its drives is lost.',
    isRare: true,
  },
  {
    verb: 'stop',
    label: 'Stop',
    icon: 'stop',
    when: ['running', 'paused', 'busy'],
    warning: 'It ends at once, as if its power cord was pulled: what its guest has not written to its drives is lost.',
  },
]
