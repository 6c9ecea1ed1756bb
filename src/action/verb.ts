// What an action is. One file a verb holds its code; `rows.ts` names them all, with what the line needs to know of them
// before any of that code is loaded.
import type { Outside } from '../host/place.js'
import type { Vm } from '../vm/record/vm.js'
import type { RunLine } from '../web/run.js'

/** Flags as they were written: `--yes` is true, `--drive=1` is "1". */
export type Flags = Readonly<Record<string, string | true>>

/** A line of a file of steps, which was read and is right. */
export interface ScriptLine {
  /** `steps:3`, for messages. */
  readonly place: string
  readonly text: string
  /** Does what it says, and resolves to the exit status. */
  readonly perform: () => Promise<number>
}

/** What an action gets to do its work with. */
export interface Context {
  readonly vm: Vm
  readonly words: readonly string[]
  readonly flags: Flags
  /** For `run`: the lines of its file. */
  readonly script: readonly ScriptLine[]
  /** Writes lines of the result to stdout. Nothing in them reaches a terminal as a control sequence. */
  readonly out: (line: string) => void
  /** Writes to stdout as it is, and a line's end: what a guest said, what redraws the screen. */
  readonly outRaw: (text: string) => void
  /** Writes bytes to stdout (1) or stderr (2) as they are: what a program in a guest has said. */
  readonly outBytes: (fd: 1 | 2, bytes: Buffer) => void
  /** Tells the user something on the way, on stderr. */
  readonly note: (line: string) => void
  /** Draws how far something is, where stderr is a terminal; `undefined` wipes it away. */
  readonly progress: (line: string | undefined) => void
  /** Aborted by Ctrl-C and by SIGTERM: undo what is half done, then stop. */
  readonly signal: AbortSignal
  /** Whether stdout is a terminal: what is drawn and redrawn is only for one. */
  readonly isTerminal: () => boolean
  /** Places, environment and settings in place, from which other VMs can be opened. */
  readonly outside: Outside
  /** Runs another line in this process, for whoever serves others. */
  readonly runLine: RunLine
}

/** The exit status of one action; nothing means 0. */
export type Outcome = number | void

/** The code of one action. */
export interface Verb {
  /** What `nbsvm help ACTION` says below the first line: contract, examples. */
  readonly help: string
  run(context: Context): Promise<Outcome>
}

/** What a command gets: there is no VM. */
export interface CommandContext extends Omit<Context, 'vm' | 'script'> {
  /** What `help` says of an action or a command. */
  readonly helpText: (name: string) => Promise<string>
}

export interface Command {
  readonly help: string
  run(context: CommandContext): Promise<Outcome>
}

/**
 * What follows: a number of words; `all`: whatever stands there up to `--` or the end of the line, and flags only before it; or,
 * for `start`, QEMU options up to there.
 */
export type Takes = { readonly min: number; readonly max: number | 'all' } | 'options'

/** A row of a table: all that is known of a verb without loading it. */
export interface Row {
  readonly name: string
  readonly takes: Takes
  /** The words as help shows them: `SIZE`. */
  readonly words: string
  /** Flags it understands, each with a line of help; `drive=N` takes a value. */
  readonly flags: Readonly<Record<string, string>>
  readonly summary: string
  /** A command whose name a VM may have too: with words after it that are no flags it is the VM. */
  readonly isVmToo?: boolean
  /** Throws a UsageError for words that can mean nothing, before anything of the line is done. */
  readonly check?: (words: readonly string[], flags: Flags) => void
}

export interface ActionRow extends Row {
  /** What of the VM must be there before: nothing, some trace of it, or something that it can boot. */
  readonly needs: 'nothing' | 'vm' | 'bootable'
  /** It makes a VM that was not there, so what follows it in the line may count on it. */
  readonly makes: boolean
  /** It works without settings from files, so that an error in one keeps nobody from ending a VM that runs. */
  readonly goesWithoutFiles: boolean
  /** It takes over the terminal, so it is for one VM at a time. */
  readonly interactive: boolean
  /** What it reads besides: an answer at the terminal, where the flag `yes` does not give it; or stdin, where that is no terminal: all of it before it begins, or a stream. */
  readonly reads: 'nothing' | 'consent' | 'stdin' | 'stream'
  /** Its exit status is that of a program in the guest, so what nbsvm itself fails at is told from that: by 255, as ssh does it. */
  readonly givesStatus: boolean
}
