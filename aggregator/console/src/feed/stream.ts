import type { AlertMessage, Box } from '../api/types'
import { openFeed, SILENCE_MS } from './source'

/** `live`: the next alert would be heard of. `ended`: the server asks to sign in again. */
export type Link = 'connecting' | 'live' | 'lost' | 'ended'

export interface StreamListener {
  alert(message: AlertMessage): void
  box(box: Box): void
  /** Something may have been missed, or this is the first connect: load the present state. */
  reload(): void
  link(link: Link): void
  /** Until when the server lets us listen, in ms since 1970; null: no end. */
  session(endsAt: number | null): void
}

/**
 * A browser has six connections to a server for all its pages together, and a feed takes one for ever. So one page
 * leads: it holds the lock and the only feed, and tells the others what it hears. The lock goes to another page the
 * moment the leader is closed; that one opens the feed behind the last message that it has heard of itself.
 */
const LOCK = 'hawkline.feed.1'

type Said =
  | { kind: 'message'; name: 'alert' | 'box' | 'reset'; id: string; data: string }
  | { kind: 'state'; link: Link; id: string; endsAt: number | null }
  | { kind: 'hello' }

/** Follows the feed for ever, together with all pages of this browser. */
export function followFeed(listener: StreamListener): () => void {
  const channel = new BroadcastChannel(LOCK)
  let link: Link = 'connecting'
  let lastId = ''
  let endsAt: number | null = null
  let heardAt = Date.now()
  let stopLeading: (() => void) | null = null
  let stopped = false
  // The leaders of all pages shall not be taken from at the same moment.
  const patienceMs = SILENCE_MS + Math.random() * 2_000

  const become = (next: Link) => {
    const before = link
    link = next
    listener.link(next)
    if (next === 'live' && before !== 'live') listener.reload()
  }

  const take = (said: Extract<Said, { kind: 'message' }>) => {
    if (said.name === 'reset') {
      lastId = said.id
      listener.reload()
      return
    }
    // A new leader may be behind us, and hears again what we have heard.
    if (lastId && Number(said.id) <= Number(lastId)) return
    lastId = said.id
    if (said.name === 'alert') listener.alert(JSON.parse(said.data) as AlertMessage)
    else listener.box(JSON.parse(said.data) as Box)
  }

  const follow = (said: Extract<Said, { kind: 'state' }>) => {
    const missed = lastId !== '' && Number(said.id) > Number(lastId)
    if (!lastId || missed) lastId = said.id
    endsAt = said.endsAt
    listener.session(endsAt)
    if (missed && link === 'live') listener.reload()
    become(said.link)
  }

  const say = (said: Said) => channel.postMessage(said)
  const tell = () => say({ kind: 'state', link, id: lastId, endsAt })

  channel.onmessage = (event: MessageEvent<Said>) => {
    const said = event.data
    if (said.kind === 'hello') {
      if (stopLeading) tell()
      return
    }
    heardAt = Date.now()
    if (stopLeading) return
    if (said.kind === 'state') follow(said)
    else take(said)
  }

  const lead = () => {
    const close = openFeed(lastId, {
      message(name, id, data) {
        const said = { kind: 'message', name, id, data } as const
        say(said)
        take(said)
      },
      alive(id) {
        if (!lastId) lastId = id
        become('live')
        tell()
      },
      session(endsInMs) {
        endsAt = Date.now() + endsInMs
        listener.session(endsAt)
      },
      gone(ended) {
        if (ended) endsAt = null
        become(ended ? 'ended' : link === 'connecting' ? 'connecting' : 'lost')
        tell()
      },
    })
    return () => {
      stopLeading = null
      close()
    }
  }

  const queue = (steal = false) => {
    void navigator.locks
      .request(LOCK, { steal }, () => {
        if (stopped) return
        stopLeading = lead()
        return new Promise<void>(() => {}) // held until the page is closed, or another page takes it
      })
      .catch(() => {
        // Taken from us: to the others we had fallen silent.
        stopLeading?.()
        if (!stopped) queue()
      })
  }

  const watch = setInterval(() => {
    if (stopLeading || Date.now() - heardAt < patienceMs) return
    // A leader that says nothing at all is frozen, or its machine was.
    heardAt = Date.now()
    if (link === 'live') become('lost')
    queue(true)
  }, 1_000)

  queue()
  say({ kind: 'hello' })
  return () => {
    stopped = true
    stopLeading?.()
    clearInterval(watch)
    channel.close()
  }
}
