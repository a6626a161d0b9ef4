/** What a feed says: messages in their order, and how it is with the connection. */
export interface SourceListener {
  /** A message of the log; `reset` says that the place to resume is gone. */
  message(name: 'alert' | 'box' | 'reset', id: string, data: string): void
  /** The server has said something: whatever happens from here on comes by this feed. */
  alive(id: string): void
  /** For how long the server lets us listen, in ms from now. */
  session(endsInMs: number): void
  /** The connection is gone; it is opened again in a moment. `ended`: the server asks to sign in. */
  gone(ended: boolean): void
}

/** The server says something at least every five seconds. */
export const SILENCE_MS = 12_000
const RETRY_MS = 1_000

/** Follows the feed for ever on one connection, opened again behind the last message whenever it is lost. */
export function openFeed(after: string, listener: SourceListener): () => void {
  let source: EventSource | null = null
  let lastId = after
  let heardAt = Date.now()
  let retry: ReturnType<typeof setTimeout> | undefined
  let closed = false

  const heard = (event: MessageEvent) => {
    heardAt = Date.now()
    if (event.lastEventId) lastId = event.lastEventId
  }

  const lost = async (ended = false) => {
    if (!source) return
    source.close()
    source = null
    clearTimeout(retry)
    // An EventSource does not say why it was refused.
    if (!ended) ended = await asksToSignIn()
    if (closed || source) return
    listener.gone(ended)
    retry = setTimeout(open, RETRY_MS)
  }

  const open = () => {
    heardAt = Date.now()
    source = new EventSource(lastId ? `/api/v1/feed?after=${lastId}` : '/api/v1/feed')
    source.addEventListener('ping', (event) => {
      heard(event)
      listener.alive(lastId)
    })
    for (const name of ['alert', 'box', 'reset'] as const)
      source.addEventListener(name, (event) => {
        heard(event)
        listener.message(name, lastId, event.data as string)
      })
    source.addEventListener('session', (event) => {
      heard(event)
      listener.session((JSON.parse(event.data as string) as { ends_in_s: number }).ends_in_s * 1000)
    })
    source.addEventListener('ended', () => void lost(true))
    source.addEventListener('error', () => void lost())
  }

  // By the clock: a machine that slept has heard nothing for as long.
  const watch = setInterval(() => {
    if (source && Date.now() - heardAt > SILENCE_MS) void lost()
  }, 1_000)
  open()
  return () => {
    closed = true
    source?.close()
    clearInterval(watch)
    clearTimeout(retry)
  }
}

async function asksToSignIn(): Promise<boolean> {
  try {
    const answer = await fetch('/api/v1/feed', { method: 'HEAD', signal: AbortSignal.timeout(5_000) })
    return answer.status === 401
  } catch {
    return false
  }
}
