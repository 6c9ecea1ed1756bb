// What the page and its server say to each other. Types alone, and nothing of Node: the page's code imports this file too.
//
// All paths are below the base: `/`, or that of `--base`. The page is served there, at `new` and at `vm/ID`, its files at `page/NAME`. In
// page/index.html the server puts the base, `/` or `/prefix/`, in place of `__BASE__`: `<script type="module" src="__BASE__page/app.js">`,
// `<meta name="base" content="__BASE__">`; and the nonce of `style-src` in place of `__NONCE__`: `<meta name="style-nonce" content="__NONCE__">`.
//
//     POST api/session            SessionRequest -> SessionAnswer and a cookie: the link's token is used up
//     GET  api/me                 Me
//     GET  api/images             WireImage[]
//     GET  api/settings           WireSetting[]: what the form of a new VM offers
//     GET  api/vms/ID             WireStatus
//     GET  api/vms/ID/explain     WireExplanation
//     GET  api/vms/ID/log         text/plain: what its console has said since power-on, without control sequences
//     GET  api/vms/ID/screen      image/png, with an ETag: 304 where the picture is the one of If-None-Match
//     POST api/run                RunRequest -> RunFrame, one a line (application/x-ndjson), the last is `RunEnd`
//     WS   api/watch              WatchRequest up, WatchFrame down, both JSON
//     WS   api/vms/ID/vnc         RFB as QEMU speaks it, in binary frames both ways
//     WS   api/vms/ID/console     ConsoleFrame (text) down; what is typed and what the guest says in binary frames
//
// Each request but POST api/session needs the cookie and the key of `SessionAnswer`: a request by the header `x-nbsvm-key`, a
// WebSocket by its subprotocols, `['nbsvm', 'key.' + key]`, of which the server chooses `nbsvm`. The page keeps the key in
// localStorage, which unlike a cookie no other port of this machine gets to see. Both end with the server; the next one has the same
// port where it can, so a page that is told 401 goes on when another tab has put the key of its new link there (event `storage`).
// An answer that is no success has a `WireFailure`
// as its body: 401 the session is unknown (ask for a new link), 403 not allowed here, 404 no such VM or path, 409 what was asked
// for failed, 429 too many at once, 503 the server ends.

/** A failure, in the words that the command line would print. */
export interface WireFailure {
  readonly message: string
  /** `USAGE` where the line was wrong and nothing was done, else `FAILED`. The library's finer codes do not come to pages. */
  readonly code: string
  /** The next thing to type. */
  readonly hints: readonly string[]
}

export interface SessionRequest {
  /** What stands behind `#` in the link; good for once. */
  readonly token: string
}

export interface SessionAnswer {
  readonly key: string
}

export interface Me {
  /** nbsvm's. */
  readonly version: string
  /** The machine that the VMs are on, and whose they are. */
  readonly host: string
  readonly user: string
  /** Nothing can be changed, typed or clicked. */
  readonly viewOnly: boolean
  /** The id of the only VM that the page is about; null for all. */
  readonly only: string | null
  /** The actions that `RunRequest` may name; none where `viewOnly`. */
  readonly actions: readonly WireAction[]
}

/** A row of the table of actions, as `nbsvm help` prints it. */
export interface WireAction {
  readonly name: string
  /** The words that it takes: `SIZE`. */
  readonly words: string
  readonly summary: string
}

export type WireState = 'running' | 'paused' | 'busy' | 'stopped' | 'unknown'

export interface WireForward {
  readonly hostPort: number
  readonly guestPort: number
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
}

/** A VM of the list: what `nbsvm ls --json` tells of it, and why it ended. */
export interface WireVm {
  /** `[CLASS-]VM`; a line may name it so. */
  readonly id: string
  readonly class: string | null
  readonly name: string
  readonly state: WireState
  readonly pid: number | null
  /** Since when it is in this state, in milliseconds since 1970. */
  readonly sinceMs: number | null
  readonly memBytes: number | null
  readonly forwards: readonly WireForward[]
  readonly drives: readonly string[]
  readonly image: string | null
  /** Why something of it cannot be told. */
  readonly fault: string | null
  /** Why it does not run any more; null while it runs. */
  readonly ending: WireEnding | null
}

export interface WireEnding {
  /** `guest-shutdown`, `stopped`, `killed`, `never-started`, ... */
  readonly kind: string
  readonly atMs: number | null
  readonly words: string
}

/** What `nbsvm VM status --json` tells. */
export interface WireStatus extends Pick<WireVm, 'id' | 'class' | 'name' | 'pid' | 'sinceMs' | 'ending'> {
  readonly state: Exclude<WireState, 'unknown'>
  /** What QEMU calls the state, where it is more than running or paused: `io-error`, ... */
  readonly detail: string | null
  readonly accelerator: string | null
  readonly uuid: string | null
  readonly machine: string | null
  readonly cpu: string | null
  readonly arch: string
  readonly firmware: string
  readonly tpm: boolean
  readonly memBytes: number
  readonly memNowBytes: number | null
  readonly cpus: number
  readonly image: { readonly name: string; readonly digest: string; readonly level: string } | null
  readonly guest: {
    readonly hostname: string | null
    readonly os: string | null
    readonly addresses: readonly { readonly interface: string; readonly address: string }[]
  } | null
  readonly drives: readonly WireDrive[]
  readonly discs: readonly { readonly drive: string; readonly path: string | null }[]
  readonly shares: readonly { readonly hostPath: string; readonly guestPath: string; readonly readOnly: boolean }[]
  readonly devices: readonly { readonly name: string; readonly kind: string; readonly what: string | null }[]
  readonly forwards: readonly (WireForward & { readonly alive: boolean })[]
  readonly taps: readonly string[]
  readonly helpers: readonly { readonly name: string; readonly alive: boolean; readonly pid: number | null }[]
  readonly runAs: string | null
  readonly drawer: string
  readonly faults: readonly string[]
}

export interface WireDrive {
  readonly name: string
  readonly path: string
  readonly format: string
  readonly virtualBytes: number | null
  readonly allocatedBytes: number | null
  readonly health: {
    readonly state: string
    readonly usedPercent?: number
    readonly words: string
    readonly hints: readonly string[]
  } | null
  readonly fault: string | null
}

/** What `nbsvm VM explain --json` tells. */
export interface WireExplanation {
  readonly id: string
  readonly settings: readonly {
    readonly name: string
    readonly value: string | readonly string[] | null
    readonly origin: string
    readonly default: string
  }[]
  readonly notes: readonly string[]
  readonly seed: readonly { readonly name: string; readonly text: string }[]
  readonly commands: readonly string[]
}

/** What `nbsvm images --json` tells of an image. */
export interface WireImage {
  readonly name: string
  readonly aliases: readonly string[]
  readonly title: string
  readonly arches: readonly string[]
  /** `pinned`, `signed`, `https`, `none`: how far it is, or would be, checked. */
  readonly level: string
  readonly user: string | null
  readonly kept: readonly {
    readonly digest: string
    readonly sizeBytes: number
    readonly level: string
    readonly serial: string | null
    readonly usedBy: readonly string[]
  }[]
}

/** A setting that may be set from the page. */
export interface WireSetting {
  readonly name: string
  readonly help: string
  /** What can be written, in words: `a size like 20G`. */
  readonly expects: string
  /** Where only a few words can be written: those. */
  readonly choices: readonly string[] | null
  /** What holds where nothing is set, in words. */
  readonly default: string
}

/**
 * A line of the command line without `nbsvm` in front: `['foo', 'image=debian', 'mem=2G', 'newimg', 'start']`, `['images', 'pull',
 * 'debian']`. It is read and checked as a whole by what reads the command line, before anything of it is done. One VM by name or id;
 * only the actions of `Me.actions` and the settings of `api/settings`; `rm` and `rm-drive` with `--yes`, for the page has asked.
 * Where the request is broken off (AbortController), that is Ctrl-C.
 */
export interface RunRequest {
  readonly words: readonly string[]
}

export type RunFrame = RunLine | RunNote | RunOutput | RunProgress | RunEnd

/** The first frame: the line that was asked for, quoted for a shell. */
export interface RunLine {
  readonly kind: 'line'
  readonly line: string
}

/** Something that should be known although nothing failed, as on stderr. */
export interface RunNote {
  readonly kind: 'note'
  readonly text: string
}

/** A line of the result, as on stdout: the path of a new drive. */
export interface RunOutput {
  readonly kind: 'out'
  readonly text: string
}

/** How far it is: ` 7 %  41M of 584M  12M/s  0:45 left`; null: nothing is to be told any more. */
export interface RunProgress {
  readonly kind: 'progress'
  readonly text: string | null
}

export interface RunEnd {
  readonly kind: 'end'
  /** The exit status: 0 is well. */
  readonly status: number
  /** Why it failed; null where it did not. */
  readonly error: WireFailure | null
}

/** Up `api/watch`: what is to be told besides the list. The last one holds. */
export interface WatchRequest {
  /** The VMs whose figures are wanted, 16 at most. */
  readonly figures: readonly string[]
}

export type WatchFrame = WatchList | WatchChange | WatchFigures | WatchAlive | WatchBye

/** The first frame, in the order of `nbsvm ls`. */
export interface WatchList {
  readonly kind: 'list'
  readonly vms: readonly WireVm[]
  /** What may hide VMs: a store that does not answer, a settings file that is wrong. */
  readonly faults: readonly WireFailure[]
}

/** What has changed since: VMs that are new or are otherwise now, and ids that are gone. `faults` replaces what was told of them. */
export interface WatchChange {
  readonly kind: 'change'
  readonly vms: readonly WireVm[]
  readonly gone: readonly string[]
  readonly faults: readonly WireFailure[]
}

/** Once a second for each VM that was asked for, while it runs. */
export interface WatchFigures {
  readonly kind: 'figures'
  readonly id: string
  /** In milliseconds since 1970. */
  readonly atMs: number
  /** Since the figures before, in processors: 1.5 is one and a half; null in the first. */
  readonly cpus: number | null
  /** What QEMU takes of the host's memory. */
  readonly residentBytes: number | null
  /** What its guest has of memory. */
  readonly memBytes: number | null
  /** In bytes per second, all drives together; null where that is not known. */
  readonly diskRead: number | null
  readonly diskWrite: number | null
  /** In bytes per second, as the guest sees it; null where nobody counts. */
  readonly netReceive: number | null
  readonly netSend: number | null
}

/** Where nothing else was sent for ten seconds: pages cannot see pings. */
export interface WatchAlive {
  readonly kind: 'alive'
}

/** The last frame: the server ends, by Ctrl-C. No new try will help until somebody starts it again. */
export interface WatchBye {
  readonly kind: 'bye'
  readonly words: string
}

/**
 * How a console is asked for: `api/vms/ID/console?how=attach`. `attach` joins its serial port, with others of this server that do;
 * `force` ends another nbsvm that is there (as `kill PID` would); `follow` only shows what is said, which needs no turn, and is all
 * that there is where `viewOnly`.
 */
export type ConsoleHow = 'attach' | 'force' | 'follow'

/**
 * Text frames of a console. `attached` comes first, then what was said since power-on (binary), then `live`, and from there on it is
 * what is said now. What is typed goes up in binary frames, 64 kB at most each.
 */
export type ConsoleFrame =
  | {
      readonly kind: 'attached'
      readonly how: ConsoleHow
      /** How many pages are at it, this one among them. */
      readonly pages: number
    }
  | { readonly kind: 'live' }
  /** Another page came or left. */
  | { readonly kind: 'pages'; readonly pages: number }
  /** Somebody else has it: the socket is closed then. `error.hints` say what can be done; `canForce`: `force` may help. */
  | { readonly kind: 'busy'; readonly error: WireFailure; readonly canForce: boolean }
  /** What was typed got lost: the guest does not read. */
  | { readonly kind: 'lost' }
  /** The VM has ended: the socket is closed then. */
  | { readonly kind: 'ended'; readonly words: string }

/** How a WebSocket is closed, besides the codes of RFC 6455. */
export type CloseCode =
  /** The VM does not run, or has no screen or console: the reason says it in words. Look at the list when to try again. */
  | 4404
  /** Another has the console. */
  | 4409
  /** The page did not take what was sent for ten seconds. */
  | 4408
  /** It sent what is no frame of this protocol. */
  | 4400
  /** The VM has ended. */
  | 4410
  /** The server ends. */
  | 4503
