import { computed, reactive, readonly } from 'vue'

import * as api from '../api/client'
import type { Alert, AlertPage, Box, Verdict } from '../api/types'
import { may } from '../me'
import { now } from '../time'
import { ring } from './sound'
import { followFeed, type Link } from './stream'

/** Cleared alerts stay on the page up to this number, so that an operator sees what was just done. */
const KEPT_CLEARED = 50
const RELOAD_MS = 2_000
const BOXES_MS = 10_000
/** So long a page may be connecting before it says that it cannot. */
const PATIENCE_MS = 5_000
const WARNED_MS = 15 * 60_000
/** The server takes a verdict back within a minute; a little less, for the way. */
const TAKEN_BACK_MS = 58_000

/** A verdict that was given on this page just now. */
export interface Given {
  id: number
  verdict: Verdict
  at: number
}

const state = reactive({
  link: 'connecting' as Link,
  loaded: false,
  everTrusted: false,
  since: Date.now(),
  sessionEndsAt: null as number | null,
  alerts: new Map<number, Alert>(),
  boxes: new Map<string, Box>(),
  given: [] as Given[],
})

export const feed = readonly(state)

/** Whether the page shows what is, and would hear of what comes. */
export const trusted = computed(() => state.link === 'live' && state.loaded)

/** What the page has to say about itself: nothing, or why it confirms nothing. */
export const distrust = computed<'' | 'ended' | 'lost' | 'unreachable'>(() => {
  if (trusted.value) return ''
  if (state.link === 'ended') return 'ended'
  if (state.everTrusted) return 'lost'
  return now.value - state.since > PATIENCE_MS ? 'unreachable' : ''
})

/** Minutes until one has to sign in again, near the end; else null. */
export const sessionMinutes = computed(() => {
  const left = state.sessionEndsAt === null ? Infinity : state.sessionEndsAt - now.value
  return trusted.value && left < WARNED_MS ? Math.max(0, Math.ceil(left / 60_000)) : null
})

/** An operator has taken notice, or it happened under maintenance. */
const needsNobody = (alert: { acknowledged_at: string | null; quiet: boolean }): boolean =>
  alert.acknowledged_at !== null || alert.quiet

/** Open alerts first, unacknowledged before acknowledged, then by priority and time; cleared ones below. */
export const rankedAlerts = computed(() =>
  [...state.alerts.values()].sort(
    (a, b) =>
      Number(a.cleared_at !== null) - Number(b.cleared_at !== null) ||
      Number(needsNobody(a)) - Number(needsNobody(b)) ||
      a.priority - b.priority ||
      b.id - a.id,
  ),
)

export const unacknowledged = computed(
  () => [...state.alerts.values()].filter((alert) => !needsNobody(alert) && !alert.cleared_at).length,
)

export const sortedBoxes = computed(() =>
  [...state.boxes.values()].sort((a, b) => `${a.site}/${a.agent}`.localeCompare(`${b.site}/${b.agent}`)),
)

/** How many boxes and cameras cannot confirm that nothing happens. */
export const unconfirmed = computed(() => {
  const boxes = [...state.boxes.values()]
  return {
    boxes: boxes.filter((box) => box.state !== 'online' || box.troubles?.length).length,
    cameras: boxes
      .flatMap((box) => (box.health?.cameras ?? []).map((camera) => box.state === 'online' && camera.state === 'watching'))
      .filter((confirms) => !confirms).length,
  }
})

/** The newest verdict that can be taken back still. */
export const takeable = computed(() => state.given.filter((given) => now.value - given.at < TAKEN_BACK_MS).at(-1))

let clock = 0
const heardOf = new Map<number, number>()
/** Of those on the page; to look for them among thousands with every message takes seconds in a storm. */
const cleared = new Set<number>()

/** Show an alert, unless the feed has told something newer of it since the answer was asked for. */
function put(alert: Alert, asked: number): void {
  if ((heardOf.get(alert.id) ?? -1) > asked) return
  state.alerts.set(alert.id, alert)
  if (alert.cleared_at) cleared.add(alert.id)
  else cleared.delete(alert.id)
  if (cleared.size > KEPT_CLEARED) forget(Math.min(...cleared))
}

function forget(id: number): void {
  state.alerts.delete(id)
  cleared.delete(id)
  heardOf.delete(id)
}

function putBox(box: Box): void {
  state.boxes.set(`${box.site}/${box.agent}`, box)
}

let loading = 0

/** Until the present state has been loaded the page must not look calm. */
async function reload(): Promise<void> {
  const mine = ++loading
  state.loaded = false
  const asked = clock
  const before = new Set(state.alerts.keys())
  try {
    const [recent, boxes] = await Promise.all([api.recentAlerts(), may('boxes.read') ? api.boxes() : []])
    recent.alerts.forEach((alert) => put(alert, asked))
    boxes.forEach(putBox)
    const there = new Set(recent.alerts.map((alert) => alert.id))
    for (let next: number | null | undefined; next !== null; ) {
      const page: AlertPage = await api.openAlerts(next)
      page.alerts.forEach((alert) => put(alert, asked))
      page.alerts.forEach((alert) => there.add(alert.id))
      next = page.next_before
    }
    if (mine !== loading) return
    // Neither open nor recent any more: it was cleared while we did not listen.
    for (const id of before) if (!there.has(id) && (heardOf.get(id) ?? -1) <= asked) forget(id)
    state.loaded = true
    state.everTrusted = true
  } catch (error) {
    refused(error)
    if (mine === loading) setTimeout(() => mine === loading && void reload(), RELOAD_MS)
  }
}

/** Box states change rarely and come by the feed; their figures are fetched while a page shows them. */
export async function refreshBoxes(): Promise<void> {
  if (!may('boxes.read')) return
  try {
    ;(await api.boxes(true)).forEach(putBox)
  } catch (error) {
    refused(error) // when the server is gone the banner tells already
  }
}

/** Without a session nothing on the page is confirmed any more, whatever the feed says. */
export function refused(error: unknown): void {
  if (error instanceof api.ApiError && error.status === 401) state.link = 'ended'
}

async function act(deed: () => Promise<Alert>): Promise<void> {
  const asked = clock
  try {
    put(await deed(), asked)
  } catch (error) {
    refused(error)
    throw error
  }
}

export const acknowledge = (alert: Alert) => act(() => api.acknowledge(alert.id))

export async function clear(alert: Alert, verdict: Verdict): Promise<void> {
  await act(() => api.clear(alert.id, verdict))
  state.given = [...state.given.filter((given) => given.id !== alert.id), { id: alert.id, verdict, at: Date.now() }]
}

export async function takeBack(given: Given): Promise<void> {
  await act(() => api.reopen(given.id))
  state.given = state.given.filter((other) => other.id !== given.id)
}

export const correct = (alert: Alert, verdict: Verdict, why: string) =>
  act(() => api.correct(alert.id, verdict, why))

export function start(): () => void {
  const stop = followFeed({
    alert(message) {
      heardOf.set(message.alert.id, ++clock)
      put(message.alert, clock)
      if (message.change === 'raised' || message.change === 'escalated') ring(message.alert.priority)
    },
    box: putBox,
    reload: () => void reload(),
    link(link) {
      state.link = link
      if (link !== 'live') state.loaded = false
    },
    session(endsAt) {
      state.sessionEndsAt = endsAt
    },
  })
  // Cameras tell how they do with their box's heartbeat only; a page that is not looked at need not ask.
  const timer = setInterval(() => {
    if (trusted.value && document.visibilityState === 'visible') void refreshBoxes()
  }, BOXES_MS)
  return () => {
    clearInterval(timer)
    stop()
  }
}
