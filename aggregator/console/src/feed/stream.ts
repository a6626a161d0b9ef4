import type { AlertMessage, Box } from '../api/types'

export interface StreamListener {
  alert(message: AlertMessage): void
  box(box: Box): void
  /** The place to resume is gone, or this is the first connect: load the present state. */
  reload(): void
  /** Whether the stream can be trusted to bring the next alert. */
  connected(yes: boolean): void
}

/** The server says something at least every five seconds. */
const SILENCE_MS = 12_000
const RETRY_MS = 1_000

/**
 * Follows the feed for ever. The browser's EventSource reconnects by itself after most failures and resumes behind
 * the last message; what it gives up on, and silence without an error, is handled here.
 */
export function followFeed(listener: StreamListener): () => void {
  let source: EventSource | null = null
  let lastId = ''
  let silence: ReturnType<typeof setTimeout> | undefined
  let retry: ReturnType<typeof setTimeout> | undefined

  const heard = (event: MessageEvent) => {
    if (event.lastEventId) lastId = event.lastEventId
    listener.connected(true)
    clearTimeout(silence)
    silence = setTimeout(lost, SILENCE_MS)
  }

  const lost = () => {
    listener.connected(false)
    source?.close()
    clearTimeout(silence)
    clearTimeout(retry)
    retry = setTimeout(open, RETRY_MS)
  }

  const open = () => {
    source = new EventSource(lastId ? `/api/v1/feed?after=${lastId}` : '/api/v1/feed')
    let first = true
    source.addEventListener('ping', (event) => {
      heard(event)
      // The first ping follows the connect: whatever happens from here on comes by the stream.
      if (first) listener.reload()
      first = false
    })
    source.addEventListener('alert', (event) => {
      heard(event)
      listener.alert(JSON.parse(event.data) as AlertMessage)
    })
    source.addEventListener('box', (event) => {
      heard(event)
      listener.box(JSON.parse(event.data) as Box)
    })
    source.addEventListener('reset', (event) => {
      heard(event)
      listener.reload()
    })
    source.addEventListener('error', lost)
  }

  open()
  return () => {
    source?.close()
    clearTimeout(silence)
    clearTimeout(retry)
  }
}
